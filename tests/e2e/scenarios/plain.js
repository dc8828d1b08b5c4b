// What is special about /ws: its handshake, its ids, its close codes.

import assert from 'node:assert/strict';

import { assertShape } from '../lib/golden.js';
import { UPGRADE, http } from '../lib/http.js';
import { PlainClient } from '../lib/plain.js';
import { BOUND_MS, within } from '../lib/recorder.js';
import { begin, check, connect, gateways, putContract, scenario, tokens } from '../lib/scenario.js';
import { SocketClient } from '../lib/socket.js';

scenario(async () => {
  const short = await PlainClient.open('ada for 5 s', gateways[0], tokens.ada_for_5_seconds);
  const shortSocket = await SocketClient.open('ada for 5 s', gateways[1], tokens.ada_for_5_seconds, { reconnection: false });
  await putContract();
  const conversationId = await begin();
  const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

  await check('a token comes as a header, in the query or as a subprotocol', async () => {
    for (const options of [bearer(tokens.ada), { query: `?token=${tokens.ada}` }]) {
      const client = await PlainClient.open('ada', gateways[0], undefined, options);
      assert.deepEqual([client.hello.userId, client.socket.protocol], ['ada', '']);
      client.close();
    }
    const client = await PlainClient.open('ada', gateways[1], undefined, { protocols: ['bearer', tokens.ada] });
    assert.deepEqual([client.hello.userId, client.socket.protocol], ['ada', 'bearer']);
    client.close();
  });
  await check('of several tokens the header counts first, then the subprotocol', async () => {
    const all = { ...bearer(tokens.ada), protocols: ['bearer', tokens.ben], query: `?token=${tokens.cleo}` };
    assert.equal((await PlainClient.open('all', gateways[0], undefined, all)).hello.userId, 'ada');
    const { headers, ...two } = all;
    assert.equal((await PlainClient.open('two', gateways[0], undefined, two)).hello.userId, 'ben');
  });
  await check('a bad token is refused before the upgrade', async () => {
    const { forged, expired, ada } = tokens;
    const bad = [{}, bearer(forged).headers, bearer(expired).headers, { 'sec-websocket-protocol': `bearer, ${forged}` }];
    for (const headers of [...bad, { authorization: `Basic ${ada}` }]) {
      await refusedWith(401, 'unauthorized', '/ws', { ...UPGRADE, ...headers });
    }
    await refusedWith(401, 'unauthorized', '/ws?token=no-token', UPGRADE);
  });
  await check('plain HTTP is told to upgrade', async () => {
    const answer = await refusedWith(426, 'upgrade_required', '/ws', bearer(tokens.ada).headers);
    assert.equal(answer.headers.upgrade, 'websocket');
  });
  await check('an ack has the id of its event, an integer or a string; no id, no ack', () => ids(conversationId));
  await check('a ping is answered', async () => {
    const client = await connect('ada', 0, 'plain');
    const pong = new Promise((resolve) => client.socket.on('pong', (data) => resolve(data.toString())));
    client.socket.ping('are you there');
    assert.equal(await within(BOUND_MS, 'a pong', pong), 'are you there');
    client.close();
  });
  await check('a connection whose token expires is told and closed', async () => {
    await short.event('token_expired');
    assert.equal(await short.closeCode(), 4401);
    await shortSocket.event('token_expired');
    await shortSocket.until('a disconnect', () => shortSocket.disconnects.length > 0);
    assert.deepEqual(shortSocket.disconnects, ['transport close']);
  });
});

async function refusedWith(status, code, path, headers) {
  const answer = await http(gateways[0] + path, { headers });
  assert.deepEqual([answer.status, answer.body?.code], [status, code], JSON.stringify(headers));
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assertShape('problem', answer.body);
  return answer;
}

async function ids(conversationId) {
  const client = await connect('ben', 1, 'plain');
  const data = { conversationId };
  for (const id of [0, 7, -1, Number.MAX_SAFE_INTEGER, '', 'an id', 'ä'.repeat(64)]) {
    assert.equal((await client.emit('leave_conversation', data, BOUND_MS, id)).ok, true);
  }
  client.tell('leave_conversation', data);
  for (const id of [1.5, true, {}, [], 'x'.repeat(65)]) {
    const before = client.all('exception').length;
    client.tell('leave_conversation', data, id);
    await client.until('an exception', () => client.all('exception').length > before);
    assert.equal(client.all('exception')[before].code, 'validation_failed');
  }
  assert.equal(client.all('ack:leave_conversation').length, 7);
  client.close();
}
