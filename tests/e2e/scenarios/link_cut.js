// The link between NATS and one process alone is cut for a while: of API replica 0, and of gateway 1.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { history } from '../lib/history.js';
import { expect } from '../lib/rest.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const HEALED_MS = 5_000;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const path = `/api/messages/conversations/${conversationId}/messages`;
  const places = [['ada', 0, 'default'], ['ben', 0, 'plain'], ['ada', 1, 'plain'], ['ben', 1, 'default']];
  const clients = await Promise.all(places.map((place) => connect(...place)));
  for (const client of clients) await done(client, 'join_conversation', { conversationId });
  const near = clients.slice(0, 2);
  const post = async (api, content) => expect(await rest('ada', api).post(path, { content }), 201, 'message');

  await check('what an API replica stores while it cannot tell is told once it can', async () => {
    await ask('cut the link of api 0');
    const stored = await Promise.all(range(1, 10).map((number) => post(0, `Untold ${number}`)));
    for (const client of clients) assert.deepEqual(client.seqs(), [], client.name);
    await ask('mend the link of api 0');
    const last = Math.max(...stored.map(({ seq }) => seq));
    for (const client of clients) await client.message(last, HEALED_MS);
  });
  await check('a gateway that cannot hear keeps its sockets, and gives them afterwards what they missed', async () => {
    await ask('cut the link of gateway 1');
    let last;
    for (const number of range(1, 10)) last = await post(1, `Unheard ${number}`);
    for (const client of near) await client.message(last.seq);
    await ask('mend the link of gateway 1');
    for (const client of clients) await client.message(last.seq, HEALED_MS);
  });
  await check('everyone saw everything in order, once', async () => {
    const expected = (await history('ben', conversationId, 1)).slice(1);
    assert.equal(expected.length, 20);
    for (const client of clients) {
      assert.deepEqual(client.all('new_message'), expected, client.name);
      assert.deepEqual([client.disconnects ?? [], client.all('connected').length], [[], 1]);
    }
  });
});
