// How the unmodified Socket.IO client gets in, and how it does not.

import assert from 'node:assert/strict';

import { BOUND_MS, within } from '../../lib/recorder.js';
import { transports } from '../../lib/scenario.js';
import { SocketClient, refusal } from '../../lib/socket.js';
import { row, rowOverSockets } from '../table.js';
import { badTokens, inSeconds } from '../tokens.js';
import { assertUnbroken, done, gateways, refused } from '../world.js';

const SOCKETIO = ['default', 'websocket', 'polling'];

row('R-IO-1', 'the default client polls first and goes over to a WebSocket', async (t) => {
  const c = await t.begin();
  for (const gateway of [0, 1]) {
    const client = new SocketClient('ada', gateways[gateway], t.token(t.ada));
    t.clients.push(client);
    const seen = new Promise((resolve) => client.socket.io.engine.once('upgrade', resolve));
    assert.equal(client.transport, 'polling');
    await client.event('connected');
    await seen;
    assert.equal(client.transport, 'websocket');
    await done(client, 'join_conversation', { conversationId: c.conversationId });
    assertUnbroken(client);
  }
});

row('R-IO-1', 'nothing is lost or swapped while the transport changes', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const client = new SocketClient('ada', gateways[0], t.token(t.ada));
  t.clients.push(client);
  // All of it goes out before the connection is there, and thus partly before and partly after the upgrade.
  const sent = [done(client, 'join_conversation', { conversationId })];
  for (let index = 2; index <= 30; index += 1) sent.push(done(client, 'send_message', { conversationId, content: `Number ${index}` }));
  const acks = (await Promise.all(sent)).slice(1);
  assert.deepEqual(acks.map(({ message }) => message.content), acks.map((_, index) => `Number ${index + 2}`));
  assert.deepEqual(acks.map(({ message }) => message.seq), acks.map((_, index) => index + 2));
  await client.message(30);
  assert.deepEqual(client.seqs(), acks.map(({ message }) => message.seq));
});

for (const [id, dialect] of [['R-IO-2', 'websocket'], ['R-IO-3', 'polling']]) {
  row(id, `the client connects and talks with ${dialect} alone`, async (t) => {
    const c = await t.begin();
    const clients = [await t.joined(t.ada, c, { dialect, gateway: 0 }), await t.joined(t.ben, c, { dialect, gateway: 1 })];
    const { message } = await done(clients[0], 'send_message', { conversationId: c.conversationId, content: 'Hi' });
    for (const client of clients) {
      assert.deepEqual(await client.message(2), message);
      assert.equal(client.transport, dialect);
      assertUnbroken(client);
    }
  });
}

rowOverSockets('R-IO-5', 'a token comes as auth, header or query', async (t) => {
  const token = t.token(t.ada);
  for (const options of [{ auth: { token } }, { auth: {}, extraHeaders: { authorization: `Bearer ${token}` } }, { auth: {}, query: { token } }]) {
    const client = await SocketClient.open('ada', gateways[1], undefined, { ...transports[t.dialect], ...options });
    t.clients.push(client);
    assert.equal(client.hello.userId, t.ada);
  }
}, { dialects: SOCKETIO });

rowOverSockets('R-IO-6', 'auth counts before the header, and that before the query', async (t) => {
  const header = { extraHeaders: { authorization: `Bearer ${t.token(t.ben)}` } };
  const query = { query: { token: t.token(t.cleo) } };
  for (const [user, options] of [
    [t.ada, { auth: { token: t.token(t.ada) }, ...header, ...query }], [t.ben, { auth: {}, ...header, ...query }],
    [t.ada, { auth: { token: t.token(t.ada) }, ...query }], [t.cleo, { auth: {}, ...query }],
  ]) {
    const client = await SocketClient.open(user, gateways[0], undefined, { ...transports[t.dialect], ...options });
    t.clients.push(client);
    assert.equal(client.hello.userId, user);
  }
  const bad = await refusal(gateways[0], { ...transports[t.dialect], auth: { token: 'bad' }, ...header, ...query });
  assert.equal(bad.message, 'unauthorized');
}, { dialects: SOCKETIO });

rowOverSockets('R-IO-7', 'every bad token, and none, gives connect_error unauthorized', async (t) => {
  const tokens = { ...badTokens(t.ada), 'an empty one': '', 'none': undefined, 'null': null, 'a number': 7, 'an object': {} };
  for (const [fault, token] of Object.entries(tokens)) {
    const error = await refusal(gateways[0], { ...transports[t.dialect], auth: { token } });
    assert.deepEqual([error.message, error.data], ['unauthorized', { code: 'unauthorized' }], fault);
  }
  const error = await refusal(gateways[1], { ...transports[t.dialect] });
  assert.deepEqual([error.message, error.data], ['unauthorized', { code: 'unauthorized' }]);
}, { dialects: SOCKETIO });

rowOverSockets('R-IO-9', 'any other namespace is invalid', async (t) => {
  for (const namespace of ['/', '/message', '/messagesx', '/messages/x', '/Messages', '/admin', '/мир']) {
    for (const auth of [{ token: t.token(t.ada) }, {}]) {
      const error = await refusal(gateways[1], { ...transports[t.dialect], auth }, namespace);
      assert.equal(error.message, 'Invalid namespace', namespace);
    }
  }
}, { dialects: SOCKETIO });

/** Waits until a default client has gone over to its WebSocket. */
async function settled(client, dialect) {
  if (dialect !== 'default' || client.transport === 'websocket') return;
  await within(BOUND_MS, 'the upgrade', new Promise((resolve) => client.socket.io.engine.once('upgrade', resolve)));
}

rowOverSockets(['R-IO-10', 'R-CLOSE-8'], 'who is connected when his token expires is told and closed', async (t) => {
  const exp = inSeconds(8);
  const client = await t.connect(t.ada, { token: t.token(t.ada, { exp }), reconnection: false });
  await settled(client, t.dialect);
  assert.deepEqual(await client.event('token_expired'), {});
  assert.ok(Date.now() >= exp * 1_000 - 100, 'not before the token expires');
  assert.ok(Date.now() < exp * 1_000 + 5_000, 'soon after it');
  if (t.dialect === 'plain') {
    assert.equal(await client.closeCode(), 4401);
  } else {
    await client.until('a disconnect', () => client.disconnects.length > 0);
    assert.deepEqual(client.disconnects, ['transport close']);
  }
}, { dialects: ['default', 'websocket', 'polling', 'plain'], slow: true });

rowOverSockets(['R-IO-11', 'R-TOKEN-1'], 'refresh_token in time keeps the connection', async (t) => {
  const client = await t.connect(t.ada, { token: t.token(t.ada, { exp: inSeconds(8) }) });
  await settled(client, t.dialect);
  const exp = inSeconds(13);
  const { expiresAt } = await done(client, 'refresh_token', { token: t.token(t.ada, { exp }) });
  assert.equal(Date.parse(expiresAt), exp * 1_000);
  await client.event('token_expired');
  assert.ok(Date.now() >= exp * 1_000 - 100, 'the new token counts');
}, { slow: true });

rowOverSockets('R-TOKEN-2', 'a token of another user is forbidden, a bad one unauthorized', async (t) => {
  const client = await t.connect(t.ada);
  await refused(client, 'refresh_token', { token: t.token(t.ben) }, 'forbidden');
  for (const [fault, token] of Object.entries(badTokens(t.ada))) {
    const error = await client.emit('refresh_token', { token });
    assert.equal(error.error?.code, 'unauthorized', fault);
  }
  for (const token of [7, null, undefined, {}]) await refused(client, 'refresh_token', { token }, 'validation_failed');
  await done(client, 'get_presence', { userIds: [t.ada] });
  assertUnbroken(client);
});

rowOverSockets('R-HELLO-1', 'connected comes first, once, and names the connection', async (t) => {
  const c = await t.begin();
  const clients = [await t.connect(t.ada), await t.connect(t.ada), await t.connect(t.ben)];
  assert.equal(new Set(clients.map(({ hello }) => hello.connectionId)).size, 3);
  for (const client of clients) {
    assert.equal(client.hello.userId, client === clients[2] ? t.ben : t.ada);
    await done(client, 'join_conversation', { conversationId: c.conversationId });
    assert.deepEqual(client.entries[0], { ...client.entries[0], event: 'connected' });
    assertUnbroken(client);
  }
}, { dialects: ['default', 'websocket', 'polling', 'plain'] });
