// Two hundred sends at once, by both users through both gateways.

import assert from 'node:assert/strict';

import { expect } from '../lib/rest.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const COUNT = 200;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const places = [['ada', 0, 'default'], ['ada', 1, 'plain'], ['ben', 1, 'websocket'], ['ben', 0, 'polling']];
  const clients = await Promise.all(places.map((place) => connect(...place)));
  for (const client of clients) await done(client, 'join_conversation', { conversationId });

  const acked = await check('two hundred sends at once are all acked', () => Promise.all(range(1, COUNT).map(
    async (index) => (await done(clients[index % 4], 'send_message', { conversationId, content: `Number ${index}` })).message,
  )));
  const expected = acked.toSorted((a, b) => a.seq - b.seq);
  assert.deepEqual(expected.map(({ seq }) => seq), range(2, COUNT + 1));
  await check('the sends of one connection are numbered in its order', () => {
    for (const first of range(0, 3)) {
      const own = acked.filter((_, index) => index % 4 === first).map(({ seq }) => seq);
      assert.deepEqual(own, own.toSorted((a, b) => a - b));
    }
  });
  await done(clients[0], 'send_message', { conversationId, content: 'The last message' });
  for (const client of clients) {
    await check(`${client.name} sees all of them in order, once`, async () => {
      await client.message(COUNT + 2);
      assert.deepEqual(client.all('new_message').slice(0, -1), expected);
      assert.deepEqual(client.all('message_notification'), []);
    });
  }
  await check('the history has them, too', async () => {
    const path = `/api/messages/conversations/${conversationId}/messages?limit=100&after=`;
    const pages = await Promise.all([1, 101].map((after) => rest('ben', 1).get(path + after)));
    assert.deepEqual(pages.flatMap((page) => expect(page, 200, 'history_page').items).slice(0, COUNT), expected);
  });
});
