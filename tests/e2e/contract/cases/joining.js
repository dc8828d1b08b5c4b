// Joining and leaving.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { done, expect, range } from '../world.js';

const order = (client) => client.entries.filter(({ event }) => event !== 'connected' && event !== 'user_presence').map(({ event, data }) => data.seq ?? event);

rowOverSockets('R-JOIN-1', 'joining tells the conversation, and live messages start after it', async (t) => {
  const c = await t.begin();
  await t.say(t.ben, c, 'Before');
  const ada = await t.connect(t.ada);
  const { conversation, replayed, hasMore } = await done(ada, 'join_conversation', { conversationId: c.conversationId });
  assert.deepEqual([conversation, replayed, hasMore], [await t.see(t.ada, c), 0, false]);
  const sent = await t.say(t.ben, c, 'After');
  assert.deepEqual(await ada.message(3), sent);
  assert.deepEqual(order(ada), ['ack:join_conversation', 3]);
});

rowOverSockets(['R-JOIN-2', 'R-REC-5'], 'with afterSeq what was missed comes first, in order, then the acknowledgement, then what is new', async (t) => {
  const c = await t.begin();
  for (const seq of range(2, 7)) await t.say(t.ada, c, `Number ${seq}`);
  const all = (await t.rest(t.ada).get(`${c.path}/messages`)).body.items;
  for (const [afterSeq, replayed] of [[0, 7], [3, 4], [6, 1], [7, 0], [8, 0], [1_000_000, 0]]) {
    const ben = await t.connect(t.ben);
    const ack = await done(ben, 'join_conversation', { conversationId: c.conversationId, afterSeq });
    assert.deepEqual([ack.replayed, ack.hasMore, ack.conversation.lastSeq], [replayed, false, 7]);
    assert.deepEqual(order(ben), [...range(8 - replayed, 7), 'ack:join_conversation']);
    assert.deepEqual(ben.all('new_message'), all.slice(7 - replayed));
  }
  const late = t.clients.slice(0, 4);
  const sent = await t.say(t.ada, c, 'A new one');
  for (const client of late) {
    await client.message(8);
    assert.deepEqual(client.all('new_message').at(-1), sent);
    assert.deepEqual(client.seqs(), range(client.seqs()[0], 8));
  }
});

rowOverSockets(['R-JOIN-3', 'R-JOIN-7'], 'replayed messages come as they are now, and no changes of earlier ones', async (t) => {
  const c = await t.begin();
  const sent = [];
  for (const seq of range(2, 5)) sent.push(await t.say(t.ada, c, `Number ${seq}`));
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, { content: 'Changed' }), 200);
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${sent[1].id}`, { content: 'Changed' }), 200);
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${sent[2].id}`), 200);
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${sent[0].id}`), 200);
  const ben = await t.connect(t.ben);
  const { replayed } = await done(ben, 'join_conversation', { conversationId: c.conversationId, afterSeq: 2 });
  const now = (await t.rest(t.ben).get(`${c.path}/messages?after=2`)).body.items;
  assert.deepEqual([replayed, ben.all('new_message')], [3, now]);
  assert.deepEqual(now.map(({ content }) => content), ['Changed', '', 'Number 5']);
  await t.say(t.ada, c, 'The end');
  await ben.message(6);
  assert.deepEqual([ben.all('message_updated'), ben.all('message_deleted')], [[], []]);
});

row('R-JOIN-4', 'at most 500 are replayed, and then there is more', async (t) => {
  const c = await t.begin();
  for (const start of range(0, 50)) {
    const seqs = range(2 + 10 * start, Math.min(503, 11 + 10 * start));
    await Promise.all(seqs.map((seq) => t.say(seq % 2 ? t.ada : t.ben, c, `About ${seq}`)));
  }
  for (const dialect of ['default', 'websocket', 'polling', 'plain']) {
    for (const [afterSeq, hasMore] of [[2, true], [3, false]]) {
      const client = await t.connect(t.ada, { dialect });
      const ack = await done(client, 'join_conversation', { conversationId: c.conversationId, afterSeq });
      assert.deepEqual([ack.replayed, ack.hasMore, ack.conversation.lastSeq], [500, hasMore, 503], `${dialect} ${afterSeq}`);
      assert.deepEqual(order(client), [...range(afterSeq + 1, afterSeq + 500), 'ack:join_conversation']);
    }
  }
  const { seq } = await t.say(t.ben, c, 'A live one');
  for (const client of t.clients) {
    await client.message(seq);
    // Live ones go on after the head that the acknowledgement told.
    assert.equal(client.seqs().at(-1), 504, client.name);
    assert.equal(client.seqs().length, 501, client.name);
  }
}, { group: 'open' });

rowOverSockets('R-JOIN-5', 'live messages wait until the replay is through', async (t) => {
  const c = await t.begin();
  await Promise.all(range(2, 60).map((seq) => t.say(t.ada, c, `About ${seq}`)));
  const sending = Promise.all(range(61, 160).map((seq) => t.say(seq % 2 ? t.ada : t.ben, c, `About ${seq}`)));
  const joining = range(1, 4).map(async () => {
    const ben = await t.connect(t.ben);
    const ack = await done(ben, 'join_conversation', { conversationId: c.conversationId, afterSeq: 10 });
    await ben.message(160);
    assert.deepEqual(ben.seqs(), range(11, 160), ben.name);
    const before = ben.entries.findIndex(({ event }) => event === 'ack:join_conversation');
    assert.equal(ben.entries.slice(0, before).filter(({ event }) => event === 'new_message').length, ack.replayed);
  });
  await Promise.all([sending, ...joining]);
}, { group: 'open' });

rowOverSockets('R-JOIN-6', 'joining again does no harm', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const ada = await t.joined(t.ada, c);
  await t.say(t.ben, c, 'Two');
  await ada.message(2);
  for (const more of [{}, { afterSeq: 0 }, { afterSeq: 2 }, {}]) await done(ada, 'join_conversation', { conversationId, ...more });
  await Promise.all(range(1, 4).map(() => done(ada, 'join_conversation', { conversationId })));
  await t.say(t.ben, c, 'Three');
  await ada.message(3);
  assert.deepEqual(ada.seqs().filter((seq) => seq > 1), [2, 3]);
  await done(ada, 'leave_conversation', { conversationId });
  await t.say(t.ben, c, 'Four');
  await ada.event('message_notification', ({ seq }) => seq === 4);
  assert.ok(!ada.seqs().includes(4), 'it left, however often it had joined');
});

rowOverSockets('R-JOIN-6', 'who joins again has everything up to the lastSeq that the answer tells', async (t) => {
  const c = await t.begin();
  const ada = await t.joined(t.ada, c);
  const sending = Promise.all(range(2, 120).map(() => t.say(t.ben, c, 'One of many')));
  let told = 1;
  while (told < 120) {
    const { conversation } = await done(ada, 'join_conversation', { conversationId: c.conversationId, afterSeq: told });
    told = conversation.lastSeq;
  }
  await sending;
  let seen = 1;
  for (const { event, data } of ada.entries) {
    if (event === 'new_message') seen = data.seq;
    if (event === 'ack:join_conversation') assert.ok(data.conversation.lastSeq <= seen, `${data.conversation.lastSeq} was told of after ${seen}`);
  }
  assert.deepEqual(ada.seqs().filter((seq) => seq > 1), range(2, 120));
}, { group: 'open' });

rowOverSockets('R-LEAVE-1', 'who has left gets no more, and leaving what was not joined is fine', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const [ada, ben, stays] = [await t.joined(t.ada, c), await t.joined(t.ben, c), await t.joined(t.ben, c)];
  await done(ben, 'leave_conversation', { conversationId });
  await done(ben, 'leave_conversation', { conversationId });
  await done(ben, 'leave_conversation', { conversationId: 'f'.repeat(24) });
  await done(ada, 'typing', { conversationId, isTyping: true });
  const { message } = await done(ada, 'send_message', { conversationId, content: 'Gone?' });
  await done(ada, 'edit_message', { conversationId, messageId: message.id, content: 'Gone!' });
  await done(ada, 'mark_as_read', { conversationId });
  await done(ada, 'delete_message', { conversationId, messageId: message.id });
  await done(ada, 'send_message', { conversationId, content: 'The end' });
  await ben.event('message_notification', ({ seq }) => seq === 3);
  await stays.message(3);
  assert.deepEqual(stays.all('message_updated').length, 1);
  for (const event of ['new_message', 'message_updated', 'message_deleted', 'user_typing', 'messages_read']) assert.deepEqual(ben.all(event), [], event);
  await done(ben, 'join_conversation', { conversationId });
  await t.say(t.ada, c, 'Back');
  await ben.message(4);
  assert.deepEqual(ben.seqs(), [4]);
});
