// Two users with several connections on both gateways talk, and read what was said.
// Argument: the transport of all of them.

import assert from 'node:assert/strict';

import { expect } from '../lib/rest.js';
import { begin, check, connect, done, putContract, rest, scenario } from '../lib/scenario.js';

const transport = process.argv[2] ?? 'default';

scenario(async () => {
  await putContract();
  const [ada, adaElsewhere, ben, benElsewhere] = await check('each connection is told connected, once', connections);
  const conversationId = await begin();
  await check('a first message notifies the other participant alone', async () => {
    for (const client of [ben, benElsewhere]) {
      const told = await client.event('message_notification', ({ seq }) => seq === 1);
      assert.deepEqual([told.conversationId, told.senderId, told.unreadCount], [conversationId, 'ada', 1]);
    }
  });
  await check('joining shows the conversation as the caller sees it', () => join(conversationId, ada, ben));
  await check('a message goes to all who joined, and notifies the rest of the other participant', async () => {
    await say(conversationId, ada, 'Hello!', [ada, ben], [benElsewhere]);
    await say(conversationId, ben, 'Hello, Ada!', [ada, ben], [adaElsewhere]);
  });
  await check('a preview has 140 scalar values', async () => {
    await say(conversationId, ada, '😀'.repeat(200), [ada, ben], [benElsewhere]);
    assert.equal(benElsewhere.all('message_notification').at(-1).preview, '😀'.repeat(140));
  });
  await check('what is read is told when it grew, and never otherwise', () =>
    read(conversationId, { ada, adaElsewhere, ben, benElsewhere }));
  await check('create_message joins', () => createJoins(conversationId, [ada, ben]));
  await check('who leaves is notified instead', async () => {
    await done(ben, 'leave_conversation', { conversationId });
    await say(conversationId, ada, 'Gone?', [ada], [ben, benElsewhere]);
  });
  await check('nobody was told anything twice, or anything else', async () => {
    await say(conversationId, ben, 'The last message', [ada], [adaElsewhere]);
    assert.deepEqual(ada.seqs(), [2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(ben.seqs(), [2, 3, 4, 5, 6]);
    assert.deepEqual([adaElsewhere, benElsewhere].map((client) => client.seqs()), [[], []]);
    assert.deepEqual(ada.seqs('message_notification'), []);
    assert.deepEqual(adaElsewhere.seqs('message_notification'), [3, 5, 8]);
    assert.deepEqual(ben.seqs('message_notification'), [1, 7]);
    assert.deepEqual(benElsewhere.seqs('message_notification'), [1, 2, 4, 6, 7]);
    for (const client of [ada, adaElsewhere, ben, benElsewhere]) assert.equal(client.all('connected').length, 1);
  });
});

async function connections() {
  const places = [['ada', 0], ['ada', 1], ['ben', 1], ['ben', 0]];
  const clients = [];
  for (const [user, gateway] of places) {
    const client = await connect(user, gateway, transport);
    assert.equal(client.hello.userId, user);
    assert.ok(Math.abs(Date.parse(client.hello.serverTime) - Date.now()) < 60_000, client.hello.serverTime);
    clients.push(client);
  }
  assert.equal(new Set(clients.map((client) => client.hello.connectionId)).size, 4);
  return clients;
}

async function join(conversationId, ...clients) {
  for (const client of clients) {
    const ack = await done(client, 'join_conversation', { conversationId });
    assert.deepEqual([ack.replayed, ack.hasMore], [0, false]);
    const { conversation } = ack;
    assert.deepEqual([conversation.id, conversation.lastSeq, conversation.lastMessage.seq], [conversationId, 1, 1]);
    assert.equal(conversation.unreadCount, client.hello.userId === 'ada' ? 0 : 1);
  }
}

async function say(conversationId, sender, content, joined, notified) {
  const { message } = await done(sender, 'send_message', { conversationId, content });
  assert.deepEqual([message.content, message.senderId], [content, sender.hello.userId]);
  for (const client of joined) assert.deepEqual(await client.message(message.seq), message);
  for (const client of notified) {
    const told = await client.event('message_notification', ({ seq }) => seq === message.seq);
    assert.equal(told.messageId, message.id);
  }
}

async function read(conversationId, { ada, adaElsewhere, ben, benElsewhere }) {
  const everyRead = (client) => client.all('messages_read').map(({ userId, readSeq }) => `${userId} ${readSeq}`);
  const first = await done(benElsewhere, 'mark_as_read', { conversationId, upToSeq: 2 });
  assert.deepEqual([first.userId, first.readSeq, first.unreadCount], ['ben', 2, 1]);
  const again = await done(benElsewhere, 'mark_as_read', { conversationId, upToSeq: 1 });
  assert.deepEqual([again.readSeq, again.unreadCount, again.readAt], [2, 1, first.readAt]);
  const clamped = await done(ben, 'mark_as_read', { conversationId, upToSeq: 99 });
  assert.deepEqual([clamped.readSeq, clamped.unreadCount], [4, 0]);
  await done(ben, 'mark_as_read', { conversationId });
  const byRest = await rest('ada', 1).patch(`/api/messages/conversations/${conversationId}/read`);
  assert.deepEqual([expect(byRest, 200, 'read_receipt').readSeq, byRest.body.unreadCount], [4, 0]);
  const expected = [
    [ada, ['ben 2', 'ben 4', 'ada 4']],
    [ben, ['ben 2', 'ben 4', 'ada 4']],
    [benElsewhere, ['ben 2', 'ben 4']],
    [adaElsewhere, ['ada 4']],
  ];
  for (const [client, reads] of expected) {
    await client.until(`messages_read ${reads}`, () => everyRead(client).length >= reads.length);
    assert.deepEqual(everyRead(client), reads, client.name);
  }
  assert.deepEqual(ada.all('messages_read').at(-1), byRest.body);
}

async function createJoins(conversationId, joined) {
  const third = await connect('ben', 0, transport);
  const created = await done(third, 'create_message', { contractId: 'c-1', content: 'By contract' });
  assert.deepEqual([created.conversation.id, created.message.seq], [conversationId, 5]);
  assert.equal(created.conversation.lastSeq, 5);
  for (const client of joined) await client.message(5);
  const { message } = await done(joined[0], 'send_message', { conversationId, content: 'Seen by all' });
  for (const client of [third, ...joined]) assert.deepEqual(await client.message(message.seq), message);
  assert.deepEqual(third.all('message_notification'), []);
  third.close();
}
