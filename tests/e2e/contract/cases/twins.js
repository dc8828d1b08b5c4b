// Two systems that share a NATS. Of the group's APIs and gateways the first is of one, the second of the other.

import assert from 'node:assert/strict';

import { row } from '../table.js';
import { done, expect } from '../world.js';

row('R-SET-7', 'two systems with different prefixes do not meet', async (t) => {
  const body = { clientId: t.ada, freelancerId: t.ben };
  const systems = [0, 1];
  for (const system of systems) expect(await t.rest(t.host, system).put(`/api/contracts/${t.contractId}`, body), 201);
  const ada = await t.connect(t.ada, { gateway: 0 });
  const [here, there] = [await t.connect(t.ben, { gateway: 0 }), await t.connect(t.ben, { gateway: 1 })];
  // The id of a conversation follows from its contract, so that both systems have the same one.
  const ids = [];
  for (const [client, content] of [[here, 'Here'], [there, 'There']]) {
    ids.push((await done(client, 'create_message', { contractId: t.contractId, content })).conversation.id);
  }
  assert.equal(ids[0], ids[1]);
  for (const [client, content] of [[here, 'Here too'], [there, 'There too']]) {
    await done(client, 'send_message', { conversationId: ids[0], content });
    await client.message(2);
    assert.deepEqual(client.all('new_message').filter(({ seq }) => seq === 2).map((message) => message.content), [content]);
  }
  await ada.event('message_notification', ({ seq }) => seq === 2);
  assert.deepEqual(ada.all('message_notification').map(({ preview }) => preview), ['Here', 'Here too']);
  const online = async (system) => expect(await t.rest(t.ben, system).get(`/api/presence?userIds=${t.ada}`), 200).items[0].status;
  assert.deepEqual([await online(0), await online(1)], ['online', 'offline']);
}, { group: 'twins' });
