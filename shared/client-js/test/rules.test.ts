// Rules that need no service: what is newer, what is loaded, what a summary says, when timers ring.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Alarm } from '../src/alarm.js';
import { Backoff } from '../src/backoff.js';
import { checkContent } from '../src/draft.js';
import { MessagingError } from '../src/index.js';
import type { Conversation, Message } from '../src/index.js';
import { MessageLog } from '../src/message_log.js';
import { problem } from '../src/rest.js';
import { Derived, Listeners, Store } from '../src/store.js';
import { byActivity, merged, withMessage, withNotification, withReceipt } from '../src/summary.js';
import { readClaims } from '../src/token.js';
import { TypingBoard, TypingSender } from '../src/typing.js';
import { isNotOlder } from '../src/version.js';
import { range } from './support/world.js';

function message(seq: number, changes: Partial<Message> = {}): Message {
  return {
    id: String(seq).padStart(24, '0'),
    conversationId: 'c',
    contractId: 'k',
    milestoneId: null,
    seq,
    senderId: seq % 2 === 1 ? 'ada' : 'ben',
    content: String(seq),
    attachments: [],
    clientMessageId: null,
    createdAt: new Date(seq * 1_000).toISOString(),
    editedAt: null,
    deletedAt: null,
    ...changes,
  };
}

const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();

function summary(lastSeq: number, read: { ada: number; ben: number }): Conversation {
  const unread = (userId: string, readSeq: number): number =>
    range(lastSeq).filter((seq) => seq > readSeq && message(seq).senderId !== userId).length;
  const participant = (userId: 'ada' | 'ben') => ({
    userId,
    role: userId === 'ada' ? ('client' as const) : ('freelancer' as const),
    readSeq: read[userId],
    unreadCount: unread(userId, read[userId]),
    readAt: null,
  });
  return {
    id: 'c',
    contractId: 'k',
    milestoneId: null,
    participants: [participant('ada'), participant('ben')],
    lastSeq,
    lastMessage: message(lastSeq),
    unreadCount: unread('ada', read.ada),
    createdAt: at(1),
    updatedAt: at(lastSeq),
  };
}

/** A generator of numbers below `limit`, the same ones for the same seed. */
function seeded(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

test('of two states of a message the deleted one is newer, then the one that was edited later', () => {
  const states = [
    message(1),
    message(1, { editedAt: at(10) }),
    message(1, { editedAt: at(11) }),
    message(1, { editedAt: at(10), deletedAt: at(12) }),
  ];
  for (const [index, one] of states.entries()) {
    for (const [other, known] of states.entries()) assert.equal(isNotOlder(one, known), index >= other);
  }
});

test('a log is whole whatever comes in whatever order, and each message in its latest state', () => {
  for (const seed of range(200)) {
    const random = seeded(seed);
    const last = 60;
    const log = new MessageLog();
    const latest = new Map(range(last).map((seq) => [seq, message(seq)]));
    const told: Message[] = range(last).map((seq) => message(seq));
    for (const number of range(30)) {
      const seq = 1 + random(last);
      const changed = message(seq, { content: `edit ${String(number)}`, editedAt: at(1_000 + number) });
      latest.set(seq, changed);
      told.push(changed);
    }
    told.sort(() => random(3) - 1);
    const appended: number[] = [];
    const firstPageAt = random(told.length);
    for (const [index, one] of told.entries()) {
      if (index === firstPageAt) appended.push(...log.start(range(20).map((seq) => message(seq + 20))).map(({ seq }) => seq));
      appended.push(...log.accept(one).map(({ seq }) => seq));
      const seqs = log.messages.map(({ seq }) => seq);
      assert.deepEqual(
        seqs,
        range(seqs.length).map((offset) => log.first - 1 + offset),
        `seed ${String(seed)}`,
      );
    }
    log.extend();
    log.prepend(range(20).map((seq) => latest.get(seq) ?? message(seq)));
    log.endExtending();
    assert.deepEqual(
      appended.filter((seq) => seq > 20),
      range(last).slice(20),
      'each is told of once, in order',
    );
    assert.equal(log.isBehind, false);
    // What changed before the first page was there is in the page itself, as the service gives it.
    const seen = log.messages.slice(40).map(({ state: _, ...rest }) => rest);
    assert.deepEqual(
      seen,
      range(last)
        .slice(40)
        .map((seq) => latest.get(seq)),
      `seed ${String(seed)}`,
    );
  }
});

test('a log that cannot park any more knows that it is behind, and takes what it is given', () => {
  const log = new MessageLog();
  log.start([message(1)]);
  for (const seq of range(3_000)) log.accept(message(seq + 2));
  assert.deepEqual([log.last, log.lastHeard, log.isBehind], [1, 3_002, true]);
  log.accept(message(2));
  assert.equal(log.last, 2_002);
  for (const seq of range(1_000)) log.accept(message(seq + 2_002));
  assert.deepEqual([log.last, log.isBehind], [3_002, false]);
});

test('a page that does not fit any more is left out, and changes of what is not loaded are not kept for ever', () => {
  const log = new MessageLog();
  log.start([message(50), message(51)]);
  log.accept(message(10, { editedAt: at(100) }));
  log.prepend([message(10), message(11)]);
  assert.equal(log.first, 50);
  log.extend();
  log.accept(message(49, { content: 'edited', editedAt: at(100) }));
  log.prepend([message(48), message(49)]);
  log.endExtending();
  assert.deepEqual(
    log.messages.map(({ seq, content }) => [seq, content]),
    [
      [48, '48'],
      [49, 'edited'],
      [50, '50'],
      [51, '51'],
    ],
  );
  log.dropBefore(50);
  assert.equal(log.first, 50);
  assert.deepEqual(
    log.start([message(90), message(91)]).map(({ seq }) => seq),
    [90, 91],
  );
  assert.deepEqual([log.first, log.last], [90, 91]);
});

test('a summary that follows messages is the one that the service would answer', () => {
  let known = summary(3, { ada: 1, ben: 3 });
  for (const seq of [4, 5, 6]) {
    const followed = withMessage(known, message(seq));
    assert.equal(followed.isExact, true);
    known = followed.summary;
    assert.deepEqual({ ...known, unreadCount: 0 }, { ...summary(seq, { ada: 1, ben: 3 }), unreadCount: 0 });
  }
  assert.equal(withMessage(known, message(5)).summary, known, 'nothing new');
  assert.equal(withMessage(known, message(8)).isExact, false, 'one is missing');
});

test('a receipt never goes back, and is exact where all is read', () => {
  const known = summary(6, { ada: 1, ben: 3 });
  const receipt = { conversationId: 'c', userId: 'ben', readSeq: 6, unreadCount: 1, readAt: at(9) };
  const read = withReceipt(known, receipt);
  assert.deepEqual([read.summary.participants[1]?.unreadCount, read.isExact], [0, true], 'what it counts besides is not known yet');
  assert.equal(withReceipt(read.summary, { ...receipt, readSeq: 5 }).summary, read.summary);
  const partly = withReceipt(known, { ...receipt, readSeq: 4, unreadCount: 1 });
  assert.deepEqual([partly.summary.participants[1]?.unreadCount, partly.isExact], [1, false]);
});

test('a notification shows at once what it tells, and asks for the rest', () => {
  const told = {
    conversationId: 'c',
    contractId: 'k',
    milestoneId: null,
    messageId: 'm',
    seq: 8,
    senderId: 'ben',
    preview: 'Hi',
    unreadCount: 7,
  };
  const known = summary(6, { ada: 1, ben: 3 });
  const { summary: notified, isExact } = withNotification(known, told, 'ada', at(50));
  assert.deepEqual([notified.lastSeq, notified.participants[0]?.unreadCount, notified.lastMessage?.content], [8, 7, 'Hi']);
  assert.deepEqual([notified.updatedAt, isExact], [at(50), false]);
  assert.equal(withNotification(notified, told, 'ada', at(60)).summary, notified, 'it is told once');
  const answered = merged(notified, summary(8, { ada: 1, ben: 3 }));
  assert.deepEqual([answered.summary, answered.isExact], [summary(8, { ada: 1, ben: 3 }), true]);
});

test('answers that crossed with events take nothing back', () => {
  const known = summary(6, { ada: 4, ben: 3 });
  assert.equal(merged(known, summary(5, { ada: 2, ben: 3 })).summary, known);
  const older = merged(known, summary(6, { ada: 2, ben: 3 }));
  assert.deepEqual(
    [older.summary.participants[0]?.readSeq, older.isExact],
    [4, false],
    'what is unread of that is to be asked for',
  );
  const behind = merged(known, summary(5, { ada: 5, ben: 3 }));
  assert.deepEqual([behind.summary.lastSeq, behind.summary.participants[0]?.readSeq, behind.isExact], [6, 5, false]);
  const all = merged(known, summary(5, { ada: 6, ben: 3 }));
  assert.deepEqual([all.summary.participants[0]?.unreadCount, all.isExact], [0, true]);
  const edited = { ...known, lastMessage: message(6, { content: 'edited', editedAt: at(20) }) };
  assert.equal(merged(edited, known).summary, edited);
  assert.equal(merged(known, edited).summary.lastMessage?.content, 'edited');
});

test('conversations are ordered by activity, and by id where that is the same', () => {
  const [a, b, c] = [
    { id: 'a', updatedAt: at(2) },
    { id: 'b', updatedAt: at(2) },
    { id: 'c', updatedAt: at(3) },
  ].map((changes) => ({ ...summary(1, { ada: 0, ben: 0 }), ...changes }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  assert.deepEqual(
    [a, b, c].sort(byActivity).map(({ id }) => id),
    ['c', 'b', 'a'],
  );
});

test('typing is told every three seconds at most, and ends four seconds after the last key', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const told: boolean[] = [];
  const sender = new TypingSender((isTyping) => told.push(isTyping));
  for (const _ of range(30)) {
    sender.typed();
    context.mock.timers.tick(100);
  }
  assert.deepEqual(told, [true]);
  sender.typed();
  assert.deepEqual(told, [true, true]);
  context.mock.timers.tick(3_999);
  assert.equal(told.length, 2);
  context.mock.timers.tick(1);
  assert.deepEqual(told, [true, true, false]);
  sender.stop();
  assert.equal(told.length, 3);
  sender.typed();
  sender.stop();
  assert.deepEqual(told.slice(3), [true, false]);
});

test('others’ typing lapses after six seconds that it is not renewed in', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let changes = 0;
  const board = new TypingBoard(() => (changes += 1));
  const told = { conversationId: 'c', userId: 'ben', isTyping: true };
  board.told(told);
  const { users } = board;
  assert.deepEqual(users, ['ben']);
  context.mock.timers.tick(5_999);
  board.told(told);
  assert.equal(board.users, users);
  context.mock.timers.tick(5_999);
  assert.deepEqual(board.users, ['ben']);
  context.mock.timers.tick(1);
  assert.deepEqual([board.users, changes], [[], 2]);
});

test('an alarm rings after as long as it was set to, also after more than a timer can hold', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const ring = mock.fn();
  const alarm = new Alarm(ring);
  const days = 30 * 24 * 3_600_000;
  alarm.set(days);
  context.mock.timers.tick(2 ** 31 - 1);
  assert.deepEqual([ring.mock.callCount(), alarm.isSet], [0, true]);
  context.mock.timers.tick(days - 2 ** 31 + 1);
  assert.deepEqual([ring.mock.callCount(), alarm.isSet], [1, false]);
});

test('waits double up to their limit, are jittered, and are no less than the service asks for', () => {
  const backoff = new Backoff(100, 1_000);
  const bounds = [100, 200, 400, 800, 1_000, 1_000];
  for (const bound of bounds) {
    const ms = backoff.next();
    assert.ok(ms >= bound / 2 && ms <= bound, `${String(ms)} of ${String(bound)}`);
  }
  assert.ok(backoff.next(5_000) === 5_000);
  assert.ok(backoff.next(3_600_000) === 30_000, 'but not for an hour');
  backoff.reset();
  assert.ok(backoff.next() <= 100);
});

test('a value is the same frozen object until it changes, and changes that happen together are told of once', async () => {
  let made = 0;
  const derived = new Derived(() => ({ number: (made += 1) }));
  const store = new Store<{ number: number } | null>(null);
  const told: string[] = [];
  const ends = [derived.subscribe(() => told.push('derived')), store.subscribe(() => told.push('store'))];
  assert.equal(derived.get(), derived.get());
  assert.ok(Object.isFrozen(derived.get()));
  for (const number of range(5)) {
    derived.changed();
    store.set({ number });
  }
  store.set(store.get());
  assert.deepEqual([derived.get().number, store.get()?.number, told], [2, 5, []]);
  await Promise.resolve();
  assert.deepEqual(told, ['derived', 'store']);
  for (const end of ends) end();
  derived.changed();
  await Promise.resolve();
  assert.equal(told.length, 2);
});

test('listeners may come and go while they are called', () => {
  const listeners = new Listeners<[number]>();
  const called: string[] = [];
  const endSecond = { end: (): void => undefined };
  const same = (): void => {
    called.push('same');
  };
  listeners.add(() => {
    called.push('first');
    endSecond.end();
    listeners.add(() => called.push('new'));
  });
  endSecond.end = listeners.add(() => called.push('second'));
  listeners.add(same);
  const endSame = listeners.add(same);
  endSame();
  endSame();
  listeners.call(1);
  assert.deepEqual(called, ['first', 'same']);
});

test('claims are read from a token without trusting it', () => {
  const token = (claims: unknown): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  const read = readClaims(token({ sub: 'ü-1', name: 'Ada ✓', exp: 1_700_000_000 }));
  assert.deepEqual(read, { sub: 'ü-1', name: 'Ada ✓', expiresAtMs: 1_700_000_000_000 });
  assert.deepEqual(readClaims(token({ sub: 'ada' })), { sub: 'ada', name: null, expiresAtMs: null });
  for (const bad of [
    '',
    'x',
    'a.b',
    'a.%.c',
    'opaque',
    token(null),
    token({ sub: 7, name: ' ', exp: 'soon' }),
    token({ sub: '' }),
  ]) {
    assert.deepEqual(readClaims(bad), { sub: null, name: null, expiresAtMs: null });
  }
});

test('an answer that is no problem document has the code of its status', () => {
  assert.equal(problem(503, '2', '<html>').code, 'unavailable');
  assert.equal(problem(503, '2', '').retryAfterMs, 2_000);
  assert.equal(problem(418, null, '{}').code, 'internal');
  const refused = problem(
    400,
    null,
    JSON.stringify({ code: 'validation_failed', detail: 'no', errors: [{ field: 'a', message: 'b' }] }),
  );
  assert.deepEqual([refused.code, refused.message, refused.errors.length], ['validation_failed', 'no', 1]);
  assert.equal(MessagingError.from(new TypeError('x')).code, 'internal');
  assert.equal(MessagingError.from(refused), refused);
});

test('a text is checked as the service would, as far as its length goes', () => {
  const code = (content: string, files = 0): string | undefined => checkContent(content, files)?.code;
  assert.equal(code(''), 'validation_failed');
  assert.equal(code('\u2003\n'), 'validation_failed');
  assert.equal(code('', 1), undefined);
  assert.equal(code('\ufeff'), undefined, 'no white space to the service');
  assert.equal(code(` ${'🙂'.repeat(10_000)} `), undefined);
  assert.equal(code('🙂'.repeat(10_001)), 'validation_failed');
  assert.equal(code(`a${' '.repeat(40_000)}b`), 'validation_failed');
});
