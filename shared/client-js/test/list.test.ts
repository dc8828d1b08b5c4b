import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Conversation, ConversationsPage, MessagingClient } from '../src/index.js';
import type { Pair } from './support/service.js';
import { until } from './support/until.js';
import { live, only, range, status, world } from './support/world.js';

const here = world();

/** Conversations of one user with others, each with a first message by the other, in this order. */
async function conversations(count: number): Promise<{ ben: string; pairs: (Pair & { id: string })[] }> {
  const { ben } = await here.service.pair();
  const pairs = [];
  for (const number of range(count)) {
    const pair = await here.service.contract({ contractId: `${ben}-${String(number)}`, ada: `ada-${String(number)}`, ben });
    pairs.push({ ...pair, id: await here.conversation(pair.contractId, pair.ada, `First ${String(number)}`) });
  }
  return { ben, pairs };
}

function listed(client: MessagingClient): string[] {
  return client.conversations.get().items.map(({ id }) => id);
}

/** The list as the service gives it. */
async function asked(userId: string): Promise<readonly Conversation[]> {
  return (await here.service.as<ConversationsPage>(userId, 'GET', '/api/messages/conversations?limit=100')).items;
}

async function isAsAsked(client: MessagingClient, userId: string): Promise<void> {
  const expected = await asked(userId);
  await until('the list is what the service gives', () => {
    const { items } = client.conversations.get();
    return JSON.stringify(items) === JSON.stringify(expected);
  });
}

const send = (pair: Pair & { id: string }, content: string, userId = pair.ada): Promise<unknown> =>
  here.service.as(userId, 'POST', `/api/messages/conversations/${pair.id}/messages`, { content });

test('the list is loaded when somebody looks, page by page, the latest first', async () => {
  const { ben, pairs } = await conversations(45);
  const client = await here.connected(ben);
  const list = client.conversations;
  assert.deepEqual([list.get().items.length, list.get().isLoading, list.get().hasMore], [0, false, true]);
  const end = list.subscribe(() => undefined);
  assert.equal(list.get().isLoading, true);
  const latestFirst = pairs.map(({ id }) => id).reverse();
  await until('the first page is there', () => !list.get().isLoading);
  assert.deepEqual(listed(client), latestFirst.slice(0, 20));
  assert.equal(list.get().unreadTotal, 20);
  await Promise.all([list.loadMore(), list.loadMore()]);
  assert.deepEqual(listed(client), latestFirst.slice(0, 40));
  await list.loadMore();
  assert.deepEqual([listed(client), list.get().hasMore], [latestFirst, false]);
  await list.loadMore();
  assert.equal(list.get().unreadTotal, 45);
  const { items } = list.get();
  assert.ok(items === list.get().items && Object.isFrozen(items));
  end();
});

test('events keep the order, what was last said, and the counts', async () => {
  const { ben, pairs } = await conversations(4);
  const [first, second, third] = pairs;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const client = await here.connected(ben);
  client.conversations.subscribe(() => undefined);
  await until('it is loaded', () => client.conversations.get().items.length === 4);
  await send(first, 'a'.repeat(200));
  await until('it is on top', () => listed(client)[0] === first.id);
  assert.equal(client.conversations.get().items[0]?.unreadCount, 2);
  await isAsAsked(client, ben);
  assert.equal(client.conversations.get().items[0]?.lastMessage?.content.length, 200);
  const handle = await live(client, second.id);
  await send(second, 'Seen while open');
  await until('it is on top', () => listed(client)[0] === second.id);
  await isAsAsked(client, ben);
  await handle.markAsRead();
  await until('nothing is unread', () => client.conversations.get().items[0]?.unreadCount === 0);
  assert.equal(client.conversations.get().unreadTotal, 4);
  await client.conversation(third.id).send('By myself');
  await until('it is on top', () => listed(client)[0] === third.id);
  assert.equal(client.conversations.get().items[0]?.unreadCount, 1, 'sending marks nothing');
  await here.service.as(ben, 'PATCH', `/api/messages/conversations/${third.id}/read`);
  await until('what was read elsewhere counts', () => client.conversations.get().items[0]?.unreadCount === 0);
  await isAsAsked(client, ben);
});

test('a conversation that nobody knew of is listed when its first message comes', async () => {
  const { ben, pairs } = await conversations(1);
  const client = await here.connected(ben);
  client.conversations.subscribe(() => undefined);
  await until('it is loaded', () => client.conversations.get().items.length === 1);
  const pair = await here.service.contract({ contractId: `${ben}-new`, ada: 'ada-1', ben });
  const id = await here.conversation(pair.contractId, pair.ada, 'Hello');
  await until('it is listed', () => listed(client).join() === `${id},${only(pairs).id}`);
  await isAsAsked(client, ben);
});

test('many conversations at once are asked for together', async () => {
  const { ben, pairs } = await conversations(30);
  const client = await here.connected(ben);
  await client.conversations.loadMore();
  await client.conversations.loadMore();
  await Promise.all(pairs.map((pair) => send(pair, 'All at once')));
  await until('all are counted', () => client.conversations.get().unreadTotal === 60);
  await isAsAsked(client, ben);
});

test('an outage is caught up with: what came, what was read elsewhere, and what is deeper in the list', async () => {
  const { ben, pairs } = await conversations(30);
  const { client, link } = await here.behindLink(ben);
  await client.conversations.loadMore();
  await client.conversations.loadMore();
  assert.equal(listed(client).length, 30);
  link.down();
  await status(client, 'offline');
  const [oldest, next] = pairs;
  assert.ok(oldest !== undefined && next !== undefined);
  await send(oldest, 'While offline');
  await here.service.as(ben, 'PATCH', `/api/messages/conversations/${next.id}/read`);
  link.mend();
  await until('it is on top', () => listed(client)[0] === oldest.id);
  await until('what was read is counted', () => client.conversations.get().unreadTotal === 30);
  await isAsAsked(client, ben);
});

test('a list that cannot be loaded says why, and is loaded once the service is there', async () => {
  const { ben } = await conversations(2);
  const { client, link } = await here.behindLink(ben);
  link.down();
  await status(client, 'offline');
  const end = client.conversations.subscribe(() => undefined);
  await until('it says why', () => client.conversations.get().error !== null);
  assert.equal(client.conversations.get().error?.code, 'unavailable');
  await assert.rejects(client.conversations.loadMore(), { code: 'unavailable' });
  link.mend();
  await until('it is loaded', () => client.conversations.get().items.length === 2);
  assert.equal(client.conversations.get().error, null);
  end();
});
