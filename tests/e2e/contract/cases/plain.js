// What is special about /ws.

import assert from 'node:assert/strict';

import { assertShape } from '../../lib/golden.js';
import { UPGRADE, http } from '../../lib/http.js';
import { PlainClient } from '../../lib/plain.js';
import { BOUND_MS, within } from '../../lib/recorder.js';
import { row } from '../table.js';
import { badTokens } from '../tokens.js';
import { assertUnbroken, done, gateways } from '../world.js';

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const plain = { dialect: 'plain' };

async function open(t, options, gateway = 0) {
  const client = await PlainClient.open('a client', gateways[gateway], undefined, options);
  t.clients.push(client);
  return client;
}

row(['R-WS-1', 'R-WS-2'], 'the token comes as header, query or subprotocol, which is then selected', async (t) => {
  const token = t.token(t.ada);
  for (const gateway of [0, 1]) {
    for (const [options, protocol] of [[{ headers: bearer(token) }, ''], [{ query: `?token=${token}` }, ''], [{ protocols: ['bearer', token] }, 'bearer']]) {
      const client = await open(t, options, gateway);
      assert.deepEqual([client.hello.userId, client.socket.protocol], [t.ada, protocol]);
    }
  }
});

row('R-WS-3', 'the header counts first, then the subprotocol, then the query', async (t) => {
  const [ada, ben, cleo] = [t.ada, t.ben, t.cleo].map((user) => t.token(user));
  const protocols = ['bearer', ben];
  for (const [user, options] of [
    [t.ada, { headers: bearer(ada), protocols, query: `?token=${cleo}` }], [t.ben, { protocols, query: `?token=${cleo}` }],
    [t.ada, { headers: bearer(ada), query: `?token=${cleo}` }], [t.ada, { headers: bearer(ada), protocols }],
  ]) assert.equal((await open(t, options)).hello.userId, user);
  const bad = await http(`${gateways[0]}/ws?token=${cleo}`, { headers: { ...UPGRADE, ...bearer('bad'), 'sec-websocket-protocol': `bearer, ${ben}` } });
  assert.equal(bad.status, 401);
});

row('R-WS-4', 'a bad token or none is refused before the upgrade', async (t) => {
  const attempts = [['/ws', {}], ['/ws?token=', {}], ['/ws', { 'sec-websocket-protocol': 'bearer' }], ['/ws', { authorization: 'Basic x' }]];
  for (const token of Object.values(badTokens(t.ada))) {
    attempts.push(['/ws', bearer(token)], [`/ws?token=${token}`, {}], ['/ws', { 'sec-websocket-protocol': `bearer, ${token}` }]);
  }
  for (const [path, headers] of attempts) {
    const answer = await http(gateways[1] + path, { headers: { ...UPGRADE, ...headers } });
    assert.deepEqual([answer.status, answer.body?.code], [401, 'unauthorized'], `${path} ${JSON.stringify(headers)}`);
    assertShape('problem', answer.body);
  }
});

row(['R-WS-5', 'R-WS-6', 'R-WS-7', 'R-WS-8'], 'an acknowledgement has the id of its event, and an event without one has none', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada, plain);
  const frames = [];
  ada.socket.on('message', (frame) => frames.push(JSON.parse(frame)));
  const data = { conversationId: c.conversationId };
  const ids = [0, 1, -1, Number.MAX_SAFE_INTEGER, '', '1', 'x'.repeat(64), '😀'.repeat(64)];
  for (const id of ids) await ada.emit('leave_conversation', data, BOUND_MS, id);
  ada.tell('join_conversation', data);
  ada.socket.send(JSON.stringify({ event: 'send_message', data: { ...data, content: 'Hi' }, id: null, unknown: 1 }));
  await ada.message(2);
  assert.deepEqual(frames.filter((frame) => 'ack' in frame), ids.map((id) => ({ ack: id, data: { ok: true } })));
  assert.deepEqual(frames.filter((frame) => !('ack' in frame)).map(Object.keys), [['event', 'data']]);
  for (const id of [1.5, true, {}, [], 'x'.repeat(65)]) {
    const before = ada.all('exception').length;
    ada.tell('leave_conversation', data, id);
    await ada.until('an exception', () => ada.all('exception').length > before);
    assert.equal(ada.all('exception')[before].code, 'validation_failed', JSON.stringify(id));
  }
  assertUnbroken(ada);
});

row('R-WS-9', 'malformed JSON is an exception of no event, and the connection stays', async (t) => {
  const ada = await t.connect(t.ada, plain);
  for (const text of ['', '{', 'null', '[]', '7', '"text"', '{"event":"typing"} x', '\ufeff{}', 'ping', '{"event":', '{{}}', '[['.repeat(3_000)]) {
    const before = ada.all('exception').length;
    ada.socket.send(text);
    await ada.until(`an exception for ${text.slice(0, 40)}`, () => ada.all('exception').length > before);
    const { event, code } = ada.all('exception')[before];
    assert.deepEqual([event, code], [null, 'validation_failed'], text.slice(0, 40));
  }
  for (const text of ['{}', '{"event":7}', '{"data":{}}']) {
    const before = ada.all('exception').length;
    ada.socket.send(text);
    await ada.until(`an exception for ${text}`, () => ada.all('exception').length > before);
    assert.equal(ada.all('exception')[before].code, 'validation_failed');
  }
  await done(ada, 'get_presence', { userIds: [t.ada] });
  assertUnbroken(ada);
});

row('R-WS-11', 'a ping is answered with its own data', async (t) => {
  const ada = await t.connect(t.ada, plain);
  for (const data of ['', 'are you there', 'x'.repeat(125)]) {
    const pong = new Promise((resolve) => ada.socket.once('pong', (payload) => resolve(payload.toString())));
    ada.socket.ping(data);
    assert.equal(await within(BOUND_MS, 'a pong', pong), data);
  }
});

row('R-CLOSE-1', 'a close is answered with its code', async (t) => {
  for (const code of [1000, 3000, 4999]) {
    const ada = await t.connect(t.ada, plain);
    ada.socket.close(code);
    assert.equal(await ada.closeCode(), code);
  }
  const gone = await t.connect(t.ada, plain);
  gone.socket.close(1001);
  assert.equal(await gone.closeCode(), 1001);
});

row('R-WS-2', 'a subprotocol of others is not selected, and does not stand in the way of the header', async (t) => {
  const headers = { ...UPGRADE, ...bearer(t.token(t.ada)), 'sec-websocket-protocol': 'chat, superchat' };
  const answer = await http(`${gateways[0]}/ws`, { headers });
  assert.deepEqual([answer.status, answer.headers['sec-websocket-protocol']], [101, undefined]);
});

row('R-WS-4', 'a token that is far too long is refused like any other', async (t) => {
  const token = t.token(t.ada, { name: 'x'.repeat(9_000) });
  const answer = await http(`${gateways[0]}/ws`, { headers: { ...UPGRADE, ...bearer(token) } });
  assert.deepEqual([answer.status, answer.body?.code], [401, 'unauthorized']);
});
