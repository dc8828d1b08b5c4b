import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ConversationHandle, Participant, ServerEvents } from '../src/index.js';
import { until } from './support/until.js';
import { hasStored, live, range, status, world } from './support/world.js';

const here = world({ PRESENCE_GRACE_MS: '300' });

function participant(handle: ConversationHandle, userId: string): Participant | undefined {
  return handle.get().conversation?.participants.find((one) => one.userId === userId);
}

test('read marks reach the other participant’s thread and one’s own count', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const bens = await live(await here.connected(ben), id);
  for (const number of range(4)) await adas.send(String(number));
  await hasStored(bens, 5);
  assert.equal(bens.get().conversation?.unreadCount, 5);
  await bens.markAsRead(3);
  await until('the tick is seen', () => participant(adas, ben)?.readSeq === 3);
  await until('two are left', () => bens.get().conversation?.unreadCount === 2);
  assert.equal(participant(adas, ben)?.unreadCount, 2);
  await bens.markAsRead();
  await until('the tick is seen', () => participant(adas, ben)?.readSeq === 5);
  assert.notEqual(participant(adas, ben)?.readAt, null);
  assert.deepEqual([bens.get().conversation?.unreadCount, participant(adas, ben)?.unreadCount], [0, 0]);
  await bens.markAsRead(2);
  await bens.markAsRead(100);
  assert.equal(participant(bens, ben)?.readSeq, 5);
  const own = participant(adas, ada);
  assert.deepEqual([own?.readSeq, own?.unreadCount], [0, 0], 'sending marks nothing');
});

test('rapid marks are few calls, and the last one is what is marked', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  for (const number of range(60)) await adas.send(String(number));
  const bens = await live(await here.connected(ben), id);
  await hasStored(bens, 50);
  await bens.loadEarlier();
  const receipts: ServerEvents['messages_read'][] = [];
  const other = await here.connected(ben);
  other.on('messages_read', (receipt) => receipts.push(receipt));
  await Promise.all(range(61).map((seq) => bens.markAsRead(seq)));
  await until('it is marked', () => receipts.at(-1)?.readSeq === 61);
  assert.ok(receipts.length <= 3, `${String(receipts.length)} marks`);
  assert.equal(bens.get().conversation?.unreadCount, 0);
});

test('what is marked while offline is marked once online', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const { client, link } = await here.behindLink(ben);
  const bens = await live(client, id);
  await hasStored(bens, 1);
  link.down();
  await status(client, 'offline');
  const marks = [bens.markAsRead(), bens.markAsRead()];
  link.mend();
  await Promise.all(marks);
  await until('the tick is seen', () => participant(adas, ben)?.readSeq === 1);
});

test('typing is seen by the other participant alone, ends by a message, and by stopping', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const bens = await live(await here.connected(ben), id);
  const told: boolean[] = [];
  const client = await here.connected(ben);
  await live(client, id);
  client.on('user_typing', ({ isTyping }) => told.push(isTyping));
  for (const key of 'Hello') assert.ok(key !== '' && (adas.typing(), true));
  await until('ada is seen to type', () => bens.get().typing.join() === ada);
  assert.deepEqual(told, [true], 'once for five keys');
  await adas.send('Hello');
  await hasStored(bens, 2);
  assert.deepEqual(bens.get().typing, []);
  await until('the end was told', () => told.at(-1) === false);
  adas.typing();
  await until('ada is seen to type', () => bens.get().typing.join() === ada);
  adas.stopTyping();
  await until('ada is seen to stop', () => bens.get().typing.length === 0);
  assert.deepEqual(adas.get().typing, []);
});

test('typing ends with the message that it was about, also if nobody says that it ended', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const bens = await live(await here.connected(ben), id);
  await (await here.connected(ada)).call('typing', { conversationId: id, isTyping: true });
  await until('ada is seen to type', () => bens.get().typing.join() === ada);
  await here.service.as(ada, 'POST', `/api/messages/conversations/${id}/messages`, { content: 'Done' });
  await hasStored(bens, 2);
  assert.deepEqual(bens.get().typing, []);
});

test('typing of somebody whose connection is lost ends', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const { client, link } = await here.behindLink(ada);
  const adas = await live(client, id);
  const bens = await live(await here.connected(ben), id);
  adas.typing();
  await until('ada is seen to type', () => bens.get().typing.join() === ada);
  link.down();
  await until('ada is seen to stop', () => bens.get().typing.length === 0);
});

test('presence: asked for together, kept by events, asked for again after an outage', async () => {
  const { ada, ben } = await here.service.pair();
  const { client, link } = await here.behindLink(ada);
  const watched = client.presence(ben);
  assert.equal(watched, client.presence(ben));
  assert.equal(watched.get(), null);
  const strangers = range(150).map((number) => client.presence(`stranger-${String(number)}`));
  const ends = [watched, client.presence(ada), ...strangers].map((user) => user.subscribe(() => undefined));
  await until('ben is offline', () => watched.get()?.status === 'offline');
  assert.deepEqual(watched.get(), { userId: ben, status: 'offline', lastSeenAt: null });
  await until('ada is online', () => client.presence(ada).get()?.status === 'online');
  assert.ok(strangers.every((stranger) => stranger.get() === null));
  const bens = await here.connected(ben);
  await until('ben came', () => watched.get()?.status === 'online');
  bens.close();
  await until('ben went', () => watched.get()?.status === 'offline');
  assert.notEqual(watched.get()?.lastSeenAt, null);
  link.down();
  await status(client, 'offline');
  await here.connected(ben);
  link.mend();
  await until('ben came meanwhile', () => watched.get()?.status === 'online');
  for (const end of ends) end();
  for (const end of ends) end();
});
