// The rules that need no page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MessagingError } from '@freelancehub/messaging-client';
import type { Message, ThreadMessage } from '@freelancehub/messaging-client';

import { previewOf } from '../src/inbox/preview.js';
import { formatRoute, parseRoute } from '../src/route/path.js';
import { readableSize } from '../src/text/bytes.js';
import { explain } from '../src/text/explain.js';
import { findLinks } from '../src/text/links.js';
import { excerpt, findMatches } from '../src/text/matches.js';
import { initials } from '../src/text/people.js';
import { arrange } from '../src/text/rows.js';
import type { UnreadMark } from '../src/text/rows.js';
import { dayName, lastSeen, relativeTime } from '../src/text/time.js';
import { loadUntil, PAGES_MAX } from '../src/thread/load_until.js';

const PLACE = { locale: 'en-GB', timeZone: 'Europe/Berlin' };

function stored(seq: number, senderId: string, createdAt: string, change: Partial<Message> = {}): ThreadMessage {
  const ids = { id: `m${String(seq)}`, conversationId: 'c', contractId: 'k', milestoneId: null, clientMessageId: null };
  const content = { content: `Text ${String(seq)}`, attachments: [], editedAt: null, deletedAt: null };
  return { ...ids, ...content, seq, senderId, createdAt, state: 'sent', ...change };
}

/** The rows in short: `[day]`, `[new]`, and for messages `(` at a first and `)` at a last one of a group. */
function arranged(messages: ThreadMessage[], mark: UnreadMark | null = null): string {
  const rows = arrange(messages, mark, PLACE);
  const short = rows.map((row) => {
    if (row.kind === 'day') return '[day]';
    if (row.kind === 'unread') return '[new]';
    return `${row.isFirst ? '(' : ''}${row.message.state === 'sent' ? String(row.message.seq) : 'unsent'}${row.isLast ? ')' : ''}`;
  });
  return short.join(' ');
}

test('messages are grouped by sender, day and pause', () => {
  const messages = [
    stored(1, 'ada', '2026-03-01T10:00:00.000Z'),
    stored(2, 'ada', '2026-03-01T10:04:59.000Z'),
    stored(3, 'ada', '2026-03-01T10:10:00.000Z'),
    stored(4, 'ben', '2026-03-01T10:10:01.000Z'),
    // Midnight of Berlin is at 23:00 UTC.
    stored(5, 'ben', '2026-03-01T22:59:00.000Z'),
    stored(6, 'ben', '2026-03-01T23:00:00.000Z'),
  ];
  assert.equal(arranged(messages), '[day] (1 2) (3) (4) (5) [day] (6)');
  assert.equal(arranged([]), '');
});

test('a message keeps its key from being sent to being stored', () => {
  const named = { clientMessageId: 'n', senderId: 'ada', createdAt: '2026-03-01T10:00:00.000Z' };
  const unsent: ThreadMessage = { ...named, state: 'sending', content: 'x', attachments: [], error: null };
  const [, before] = arrange([unsent], null, PLACE);
  const [, after] = arrange([stored(1, 'ada', named.createdAt, { clientMessageId: 'n' })], null, PLACE);
  assert.equal(before?.key, after?.key);
  assert.equal(arranged([unsent]), '[day] (unsent)');
});

test('the mark of what is new is before the first unread message of somebody else', () => {
  const at = '2026-03-01T10:00:00.000Z';
  const messages = [stored(5, 'ben', at), stored(6, 'ada', at), stored(7, 'ben', at), stored(8, 'ben', at)];
  assert.equal(arranged(messages, { readSeq: 5, ownId: 'ada' }), '[day] (5) (6) [new] (7 8)');
  assert.equal(arranged(messages, { readSeq: 7, ownId: 'ada' }), '[day] (5) (6) (7) [new] (8)');
  assert.equal(arranged(messages, { readSeq: 8, ownId: 'ada' }), '[day] (5) (6) (7 8)');
  assert.equal(arranged(messages, { readSeq: 4, ownId: 'ada' }), '[day] [new] (5) (6) (7 8)');
  // What comes before 5 is not loaded: 5 need not be the first one.
  assert.equal(arranged(messages, { readSeq: 3, ownId: 'ada' }), '[day] (5) (6) (7 8)');
});

test('only web addresses become links, without what ends the sentence', () => {
  const check = (text: string, ...hrefs: string[]): void => {
    const parts = findLinks(text);
    assert.equal(parts.map((part) => part.text).join(''), text);
    assert.deepEqual(
      parts.flatMap(({ href }) => (href === null ? [] : [href])),
      hrefs,
    );
  };
  check('See https://example.com/a?b=c#d, please.', 'https://example.com/a?b=c#d');
  check('(https://example.com/a_(b))', 'https://example.com/a_(b)');
  check('www.example.com!', 'https://www.example.com/');
  check('http://one.test and http://two.test/x.', 'http://one.test/', 'http://two.test/x');
  check('“HTTPS://EXAMPLE.COM”?', 'https://example.com/');
  check('javascript:alert(1) data:text/html,x file:///etc/passwd ftp://example.com');
  check('<a href="https://example.com/">x</a>', 'https://example.com/');
  check('https:// www. http://[ nothing');
  check('mail@example.com');
  check('');
});

test('times are told as short as they can be', () => {
  const now = Date.parse('2026-03-11T12:00:00.000Z');
  const check = (time: string, expected: string): void => assert.equal(relativeTime(time, now, PLACE), expected);
  check('2026-03-11T12:00:30.000Z', 'now');
  check('2026-03-11T11:59:01.000Z', 'now');
  check('2026-03-11T11:59:00.000Z', '1 min');
  check('2026-03-11T11:00:01.000Z', '59 min');
  check('2026-03-11T08:05:00.000Z', '09:05');
  check('2026-03-10T12:00:00.000Z', 'Yesterday');
  check('2026-03-10T22:59:00.000Z', 'Yesterday');
  check('2026-03-07T12:00:00.000Z', 'Sat');
  check('2026-02-01T12:00:00.000Z', '1 Feb');
  check('2025-12-31T12:00:00.000Z', '31 Dec 2025');
});

test('days have names, and last visits a phrase', () => {
  const now = Date.parse('2026-03-11T12:00:00.000Z');
  assert.equal(dayName('2026-03-11T00:00:00.000Z', now, PLACE), 'Today');
  assert.equal(dayName('2026-03-10T00:00:00.000Z', now, PLACE), 'Yesterday');
  assert.match(dayName('2026-03-07T12:00:00.000Z', now, PLACE), /^Saturday,? 7 March$/);
  assert.equal(dayName('2026-01-07T12:00:00.000Z', now, PLACE), '7 January');
  assert.equal(dayName('2024-01-07T12:00:00.000Z', now, PLACE), '7 January 2024');
  assert.equal(lastSeen('2026-03-11T11:59:50.000Z', now, PLACE), 'just now');
  assert.equal(lastSeen('2026-03-11T11:40:00.000Z', now, PLACE), '20 min ago');
  assert.equal(lastSeen('2026-03-11T08:05:00.000Z', now, PLACE), 'at 09:05');
  assert.equal(lastSeen('2026-03-10T08:05:00.000Z', now, PLACE), 'yesterday at 09:05');
  assert.equal(lastSeen('2026-02-01T08:05:00.000Z', now, PLACE), 'on 1 Feb');
});

test('words that were looked for are marked, case and diacritics aside', () => {
  const check = (text: string, query: string, expected: string): void => {
    const parts = findMatches(text, query);
    assert.equal(parts.map((part) => (part.isMatch ? `[${part.text}]` : part.text)).join(''), expected);
  };
  check('The CAFÉ opens', 'cafe', 'The [CAFÉ] opens');
  check('one two one', 'ONE two', '[one] [two] [one]');
  check('aaa', 'aa', '[aaa]');
  check('🙂 é x', 'x', '🙂 é [x]');
  check('nothing', '', 'nothing');
  assert.match(excerpt(`${'word '.repeat(20)}needle`, 'needle')[0]?.text ?? '', /^…( word){4,6} $/);
  assert.deepEqual(excerpt('needle first', 'needle')[0], { text: 'needle', isMatch: true });
});

test('the last message of a list is one line', () => {
  const at = '2026-03-01T10:00:00.000Z';
  const file = { id: 'f', filename: 'brief.pdf', contentType: 'application/pdf', size: 1, sha256: '', url: '' };
  const check = (change: Partial<Message>, expected: string): void =>
    assert.equal(previewOf(stored(1, 'ada', at, change) as Message, 'ada'), expected);
  check({ content: 'a\n  b' }, 'You: a b');
  check({ content: '', attachments: [file] }, 'You: brief.pdf');
  check({ content: '', attachments: [file, file] }, 'You: 2 files');
  check({ content: '', deletedAt: at }, 'You deleted a message');
  check({ senderId: 'ben' }, 'Text 1');
  check({ senderId: 'ben', content: '', deletedAt: at }, 'A message was deleted');
});

test('addresses name views, and views have addresses', () => {
  const id = '0123456789abcdef01234567';
  const check = (path: string, expected: object): void => assert.deepEqual(parseRoute(path), expected);
  check('/', { view: 'list' });
  check(`/c/${id}`, { view: 'conversation', id });
  check(`/c/${id}/`, { view: 'conversation', id });
  check('/c/nothing', { view: 'unknown' });
  check(`/c/${id}/more`, { view: 'unknown' });
  check('/new/k-1', { view: 'new', contractId: 'k-1', milestoneId: null });
  check('/new/k-1/m_2', { view: 'new', contractId: 'k-1', milestoneId: 'm_2' });
  check('/new/k%201', { view: 'unknown' });
  check('/new/a/b/c', { view: 'unknown' });
  for (const path of ['/', `/c/${id}`, '/new/k-1', '/new/k-1/m_2']) assert.equal(formatRoute(parseRoute(path)), path);
});

test('errors say what to do', () => {
  const check = (error: unknown, expected: RegExp): void => assert.match(explain(error), expected);
  check(MessagingError.unavailable('x'), /try again\.$/);
  check(MessagingError.invalid('content', 'must not be empty'), /^This cannot be accepted: content must not be empty\./);
  check(new MessagingError('unauthorized', 'x'), /Sign in again\.$/);
  check(new MessagingError('something_new', 'The moon is full'), /^The moon is full\. Try again\.$/);
  check(new Error('x'), /had a fault/);
});

test('sizes and initials are short', () => {
  assert.deepEqual([0, 999, 1_000, 48_213, 999_600, 26_214_400, 5e12].map(readableSize), [
    '0 B',
    '999 B',
    '1.0 kB',
    '48 kB',
    '1.0 MB',
    '26 MB',
    '5000 GB',
  ]);
  assert.deepEqual(['Demo client', 'ada', 'Ada Maria Byron', 'demo-freelancer', '🙂', ''].map(initials), [
    'DC',
    'A',
    'AB',
    'DF',
    '?',
    '?',
  ]);
});

/** A thread of which the messages from `first` on are loaded, 50 more by each page. */
function pagesFrom(first: number) {
  let at = first;
  let asked = 0;
  const state = { status: 'live', conversation: null, hasEarlier: true, isLoadingEarlier: false, typing: [], error: null } as const;
  const get = () => ({ ...state, messages: [stored(at, 'ada', '2026-03-01T10:00:00.000Z')] });
  const loadEarlier = () => {
    asked += 1;
    at = Math.max(1, at - 50);
    return Promise.resolve();
  };
  return { get, loadEarlier, asked: () => asked };
}

test('a jump loads what it needs, and pauses after so many pages', async () => {
  const near = pagesFrom(451);
  assert.equal(await loadUntil(near, 400, () => true), true);
  assert.equal(near.asked(), 2);
  assert.equal(await loadUntil(near, 400, () => true), true, 'it is there already');
  assert.equal(near.asked(), 2);
  const far = pagesFrom(10_000);
  assert.equal(await loadUntil(far, 1, () => true), false);
  assert.equal(far.asked(), PAGES_MAX);
  assert.equal(await loadUntil(far, 1, () => far.asked() < PAGES_MAX + 3), false);
  assert.equal(far.asked(), PAGES_MAX + 3, 'and ends when nobody wants it any more');
});
