import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Message } from '../src/index.js';
import { until, within } from './support/until.js';
import { hasStored, live, only, range, storedIn, world } from './support/world.js';

const here = world();

test('a message is shown at once, is stored, and reaches the other participant', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const bens = await live(await here.connected(ben), id);
  const sent = adas.send('Hello!');
  const shown = adas.get().messages.at(-1);
  assert.deepEqual([shown?.state, shown?.content, shown?.senderId], ['sending', 'Hello!', ada]);
  const message = await within('the acknowledgement', sent);
  assert.equal(message.seq, 2);
  await hasStored(adas, 2);
  await hasStored(bens, 2);
  const log = await here.log(id, ada);
  assert.deepEqual(storedIn(adas), log);
  assert.deepEqual(storedIn(bens), log);
  assert.equal(adas.get().messages.length, 2);
});

test('the first message of a contract makes its conversation, for both', async () => {
  const { contractId, ada, ben } = await here.service.pair({ milestones: ['m-1'] });
  const adas = await here.connected(ada);
  const bens = await here.connected(ben);
  const end = bens.conversations.subscribe(() => undefined);
  await until('the list is loaded', () => !bens.conversations.get().isLoading);
  const { conversation, message } = await adas.start(contractId, 'm-1', 'Hi');
  assert.deepEqual([message.seq, message.milestoneId, message.conversationId], [1, 'm-1', conversation.id]);
  assert.equal(conversation, adas.conversation(conversation.id));
  conversation.open();
  await hasStored(conversation, 1);
  await until('it is listed', () => bens.conversations.get().items.length === 1);
  assert.equal(only(bens.conversations.get().items).unreadCount, 1);
  end();
  const again = await adas.start(contractId, 'm-1', 'Hi again');
  assert.equal(again.conversation, conversation);
  await hasStored(conversation, 2);
});

test('history is paged upwards to the first message', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, '1');
  for (const number of range(300).slice(1)) {
    await here.service.as<Message>(ada, 'POST', `/api/messages/conversations/${id}/messages`, { content: String(number) });
  }
  const bens = await live(await here.connected(ben), id);
  assert.deepEqual(
    storedIn(bens).map(({ seq }) => seq),
    range(300).slice(250),
  );
  const sizes: number[] = [];
  while (bens.get().hasEarlier) {
    const loading = bens.loadEarlier();
    assert.equal(bens.loadEarlier(), loading, 'one at a time');
    assert.equal(bens.get().isLoadingEarlier, true);
    await loading;
    sizes.push(bens.get().messages.length);
  }
  assert.deepEqual(sizes, [100, 150, 200, 250, 300]);
  assert.deepEqual(storedIn(bens), await here.log(id, ben));
  await bens.loadEarlier();
  assert.equal(bens.get().messages.length, 300);
});
