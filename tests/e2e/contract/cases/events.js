// What holds for every event.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { assertUnbroken, done, excepted, range, refused } from '../world.js';

const NAMES = [
  'join_conversation', 'leave_conversation', 'send_message', 'create_message', 'edit_message', 'delete_message', 'typing',
  'mark_as_read', 'get_presence', 'refresh_token',
];

rowOverSockets('R-EV-1', 'anything but one object is validation_failed', async (t) => {
  const ada = await t.connect(t.ada);
  for (const event of NAMES) {
    for (const data of [null, [], 'text', 7]) await refused(ada, event, data, 'validation_failed');
  }
  assertUnbroken(ada);
}, { group: 'open' });

row('R-EV-1', 'no argument, and more than one, is validation_failed over Socket.IO', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  const emit = (...data) => new Promise((resolve) => ada.socket.emit(...data, resolve));
  assert.equal((await emit('join_conversation')).error.code, 'validation_failed');
  ada.tell('join_conversation');
  assert.equal((await ada.event('exception')).code, 'validation_failed');
  const data = { conversationId: c.conversationId };
  const twice = await emit('join_conversation', data, data);
  assert.ok(twice.ok || twice.error.code === 'validation_failed');
  assertUnbroken(ada);
});

rowOverSockets('R-EV-2', 'an acknowledgement is {ok: true, …} or {ok: false, error}', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  assert.deepEqual(await ada.emit('leave_conversation', { conversationId: c.conversationId }), { ok: true });
  assert.deepEqual(await ada.emit('typing', { conversationId: c.conversationId, isTyping: false }), { ok: true });
  const { ok, error, ...rest } = await ada.emit('send_message', { conversationId: c.conversationId, content: '' });
  assert.deepEqual([ok, error.code, error.errors.map(({ field }) => field), rest], [false, 'validation_failed', ['content'], {}]);
  assert.ok(error.message.length > 0);
  assert.deepEqual(ada.all('exception'), []);
});

rowOverSockets('R-EV-3', 'without an acknowledgement an error is an exception, and a success silent', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const ada = await t.joined(t.ada, c);
  const exception = await excepted(ada, 'send_message', { conversationId, content: '' }, 'validation_failed');
  assert.deepEqual(exception.errors.map(({ field }) => field), ['content']);
  await excepted(ada, 'no_such_event', {}, 'unknown_event');
  await excepted(ada, 'join_conversation', { conversationId: 'x' }, 'validation_failed');
  await excepted(ada, 'refresh_token', { token: t.token(t.ben) }, 'forbidden');
  ada.tell('send_message', { conversationId, content: 'Silently' });
  assert.equal((await ada.message(2)).content, 'Silently');
  await done(ada, 'get_presence', { userIds: [t.ada] });
  assert.equal(ada.all('exception').length, 4);
});

rowOverSockets('R-EV-4', 'events of one connection take effect in the order in which it sent them', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, ben] = [await t.connect(t.ada), await t.joined(t.ben, c)];
  const events = [['join_conversation', {}]];
  for (const index of range(1, 12)) events.push(['send_message', { content: `Number ${index}` }]);
  events.push(['mark_as_read', {}], ['leave_conversation', {}], ['send_message', { content: 'Not heard' }], ['join_conversation', {}], ['send_message', { content: 'Heard' }]);
  // Without waiting, the first ones with no acknowledgement.
  const acks = events.map(([event, data], index) => (index === 1 || index === 2
    ? ada.tell(event, { conversationId, ...data }) : done(ada, event, { conversationId, ...data })));
  const [joined, ...rest] = await Promise.all(acks);
  assert.equal(joined.conversation.lastSeq, 1);
  assert.deepEqual(rest.filter((ack) => ack?.message).map(({ message }) => message.seq), [...range(4, 13), 14, 15]);
  await Promise.all([ada.message(15), ben.message(15)]);
  assert.deepEqual(ben.all('new_message').map(({ content }) => content), [...range(1, 12).map((index) => `Number ${index}`), 'Not heard', 'Heard']);
  assert.deepEqual(ada.seqs(), [...range(2, 13), 15]);
  const order = ada.entries.filter(({ event }) => event.startsWith('ack:')).map(({ event }) => event.slice(4));
  assert.deepEqual(order, events.filter((_, index) => index !== 1 && index !== 2).map(([event]) => event));
  assert.equal((await t.see(t.ada, c)).participants[0].readSeq, 13);
});

rowOverSockets('R-EV-4', 'an edit or a deletion right after other events finds what they did', async (t) => {
  const c = await t.begin();
  const place = { conversationId: c.conversationId, messageId: c.first.id };
  const ada = await t.joined(t.ada, c);
  const acks = await Promise.all([
    ada.emit('edit_message', { ...place, content: 'One' }), ada.emit('edit_message', { ...place, content: 'Two' }), ada.emit('delete_message', place),
    ada.emit('edit_message', { ...place, content: 'Three' }), ada.emit('delete_message', place), ada.emit('join_conversation', { conversationId: c.conversationId, afterSeq: 0 }),
  ]);
  assert.deepEqual(acks.map(({ ok, message, error }) => (ok ? message?.content : error.code)), ['One', 'Two', '', 'conflict', 'conflict', undefined]);
});

rowOverSockets(['R-EV-5', 'R-EV-6'], 'bad events never close the connection, and unknown ones have their code', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  for (const event of ['no_such_event', 'new_message', 'Send_message', 'send_message ', 'x'.repeat(300), 'событие', 'constructor', '']) {
    await refused(ada, event, {}, 'unknown_event');
  }
  await refused(ada, 'send_message', { conversationId: c.conversationId }, 'validation_failed');
  await refused(ada, 'refresh_token', { token: t.token(t.ben) }, 'forbidden');
  await refused(ada, 'join_conversation', { conversationId: 'f'.repeat(24) }, 'not_found');
  await done(ada, 'send_message', { conversationId: c.conversationId, content: 'Still here' });
  assertUnbroken(ada);
});

rowOverSockets(['R-EV-5', 'R-LIM-4', 'R-CLOSE-10'], 'of a burst, 40 events are taken, the rest is rate_limited, and the connection stays', async (t) => {
  const c = await t.begin();
  const [ada, elsewhere] = [await t.connect(t.ada), await t.connect(t.ada)];
  const data = { conversationId: c.conversationId };
  const acks = await Promise.all(range(1, 90).map(() => ada.emit('leave_conversation', data)));
  const limited = acks.filter(({ ok }) => !ok);
  assert.ok(limited.length > 0 && limited.length <= 50, `${limited.length} were refused`);
  assert.deepEqual(acks.slice(0, 40).filter(({ ok }) => !ok), []);
  assert.ok(limited.every(({ error }) => error.code === 'rate_limited'));
  await done(elsewhere, 'leave_conversation', data);
  // One event is let through again after a twentieth of a second; each refused one costs nothing.
  const until = Date.now() + 10_000;
  while (!(await ada.emit('leave_conversation', data)).ok) assert.ok(Date.now() < until, 'it is never let through again');
  const before = ada.all('exception').length;
  for (let index = 0; index < 80; index += 1) ada.tell('leave_conversation', data);
  await ada.until('an exception', () => ada.all('exception').length > before);
  assert.deepEqual(ada.all('exception')[before].code, 'rate_limited');
  assertUnbroken(ada);
});

rowOverSockets('R-EV-9', 'a malformed field is named', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const ada = await t.connect(t.ada);
  for (const [event, data, field] of [
    ['send_message', { conversationId, content: '' }, 'content'], ['send_message', { content: 'Hi' }, 'conversationId'],
    ['send_message', { conversationId, content: 'Hi', clientMessageId: 'a b' }, 'clientMessageId'],
    ['send_message', { conversationId, content: 'Hi', attachments: [{ id: 'x' }] }, 'attachments[0].id'],
    ['create_message', { contractId: 'a b', content: 'Hi' }, 'contractId'], ['create_message', { contractId: 'a', milestoneId: '', content: 'Hi' }, 'milestoneId'],
    ['join_conversation', { conversationId, afterSeq: -1 }, 'afterSeq'], ['join_conversation', { conversationId, afterSeq: 1.5 }, 'afterSeq'],
    ['join_conversation', { conversationId, afterSeq: '1' }, 'afterSeq'], ['leave_conversation', {}, 'conversationId'],
    ['mark_as_read', { conversationId, upToSeq: -1 }, 'upToSeq'], ['mark_as_read', { conversationId, upToSeq: 'x' }, 'upToSeq'],
    ['typing', { conversationId, isTyping: 'yes' }, 'isTyping'], ['typing', { conversationId }, 'isTyping'], ['typing', { isTyping: true }, 'conversationId'],
    ['edit_message', { conversationId, messageId: 'x', content: 'Hi' }, 'messageId'], ['edit_message', { conversationId, messageId: c.first.id }, 'content'],
    ['delete_message', { conversationId }, 'messageId'], ['refresh_token', {}, 'token'],
  ]) {
    const error = await refused(ada, event, data, 'validation_failed');
    assert.deepEqual(error.errors?.map((fault) => fault.field), [field], `${event} ${JSON.stringify(data)}`);
  }
  for (const userIds of [undefined, [], 'x']) {
    assert.deepEqual((await refused(ada, 'get_presence', { userIds }, 'validation_failed')).errors.map((fault) => fault.field), ['userIds']);
  }
});

row('R-EV-5', 'binary data in an event of Socket.IO is validation_failed, and the connection stays', async (t) => {
  const c = await t.begin();
  for (const dialect of ['websocket', 'polling']) {
    const ada = await t.connect(t.ada, { dialect });
    const { conversationId } = c;
    for (const data of [Buffer.from('{}'), { conversationId, content: Buffer.from('Hi') }, { conversationId, content: 'Hi', attachments: [Buffer.from('x')] }]) {
      await refused(ada, 'send_message', data, 'validation_failed');
    }
    await done(ada, 'send_message', { conversationId, content: 'Text' });
    assertUnbroken(ada);
  }
});

rowOverSockets('R-EV-5', 'data nested a thousandfold is no harm to the connection', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  let deep = 7;
  for (let level = 0; level < 1_000; level += 1) deep = [deep];
  await refused(ada, 'send_message', { conversationId: c.conversationId, content: deep }, 'validation_failed');
  await refused(ada, 'no_such_event', { deep }, 'unknown_event');
  const answer = await ada.emit('send_message', { conversationId: c.conversationId, content: 'Hi', unknown: deep });
  assert.ok(answer.ok || answer.error.code === 'validation_failed', JSON.stringify(answer));
  assertUnbroken(ada);
});
