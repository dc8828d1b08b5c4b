// A gateway and an API replica are asked to end while clients talk.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { UPGRADE, health, http } from '../lib/http.js';
import { history } from '../lib/history.js';
import { apis, begin, check, connect, done, gateways, putContract, range, rest, scenario, tokens } from '../lib/scenario.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const leaving = [await connect('ada', 0), await connect('ben', 0, 'websocket'), await connect('ben', 0, 'polling')];
  const plain = await connect('ada', 0, 'plain');
  const staying = await connect('ben', 1);
  for (const client of [...leaving, plain, staying]) await done(client, 'join_conversation', { conversationId });
  // A load balancer would send them elsewhere: so does this.
  for (const { socket } of leaving) socket.io.uri = gateways[1];

  await check('sends in flight are finished when an API replica ends', async () => {
    const path = `/api/messages/conversations/${conversationId}/messages`;
    const bySocket = range(1, 60).map((index) => staying.emit('send_message', { conversationId, content: `Number ${index}` }));
    const byRest = range(1, 60).map(async (index) => {
      try {
        return (await rest('ada', 0).post(path, { content: `Rest ${index}` })).status;
      } catch (error) {
        return error.cause?.code ?? error.name;
      }
    });
    await staying.message(10);
    await ask('end api 0');
    assert.deepEqual((await Promise.all(bySocket)).filter(({ ok }) => !ok), []);
    const statuses = await Promise.all(byRest);
    assert.deepEqual(statuses.filter((status) => status !== 201 && status !== 503 && status !== 'ECONNREFUSED'), []);
    await ask('see the end of api 0');
    assert.equal(await health(apis[0], 'live'), 0);
    const stored = await history('ben', conversationId, 1);
    assert.equal(stored.length, 61 + statuses.filter((status) => status === 201).length);
  });
  await check('a gateway that ends says so, is not ready, and lets nobody in', async () => {
    await ask('end gateway 0');
    const told = await Promise.all([...leaving, plain].map((client) => client.event('server_draining')));
    for (const { reconnectInMs } of told) assert.ok(reconnectInMs <= 3_000, `${reconnectInMs}`);
    assert.equal(await health(gateways[0], 'ready'), 503);
    assert.equal(await health(gateways[0], 'live'), 200);
    for (const [path, headers] of [['/socket.io/?EIO=4&transport=polling', {}], ['/socket.io/?EIO=4&transport=websocket', UPGRADE], ['/ws', UPGRADE]]) {
      const answer = await http(gateways[0] + path, { headers: { ...headers, authorization: `Bearer ${tokens.ada}` } });
      assert.equal(answer.status, 503, path);
      assert.ok(Number(answer.headers['retry-after']) >= 1);
    }
  });
  await check('it closes each connection, and the clients come to the other one by themselves', async () => {
    assert.equal(await plain.closeCode(), 1012);
    for (const client of leaving) {
      await client.until('lost its transport', () => client.disconnects.length === 1);
      await client.connected();
      assert.notEqual(client.disconnects[0], 'io server disconnect');
      assert.deepEqual([client.socket.recovered, client.all('connected').length], [true, 1]);
    }
    assert.deepEqual(staying.disconnects, []);
    await ask('see the end of gateway 0');
    assert.equal(await health(gateways[0], 'live'), 0);
  });
  await check('there they go on', async () => {
    const { message } = await done(leaving[0], 'send_message', { conversationId, content: 'Here I am' });
    for (const client of [...leaving, staying]) assert.deepEqual(await client.message(message.seq), message);
  });
});
