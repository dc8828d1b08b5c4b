// Connection state recovery by the unmodified client.

import assert from 'node:assert/strict';

import { within, BOUND_MS } from '../../lib/recorder.js';
import { rowOverSockets } from '../table.js';
import { gateways, range } from '../world.js';

const SOCKETIO = ['default', 'websocket'];

/** Cuts the transport under a client as a network would, and lets it come back to a gateway. */
async function cutAndBack(client, gateway, meanwhile = async () => {}) {
  const { io } = client.socket;
  const back = new Promise((resolve) => client.socket.once('connect', resolve));
  const gone = new Promise((resolve) => client.socket.once('disconnect', resolve));
  io.reconnection(false);
  io.engine.close();
  await within(BOUND_MS, 'the cut', gone);
  await meanwhile();
  io.uri = gateways[gateway];
  io.reconnection(true);
  client.socket.connect();
  await within(BOUND_MS, 'the way back', back);
}

rowOverSockets(['R-REC-1', 'R-REC-2', 'R-REC-3'], 'what was missed comes back by recovery, at either gateway', async (t) => {
  const c = await t.begin();
  for (const gateway of [0, 1]) {
    const ben = await t.joined(t.ben, c, { gateway: 0 });
    const start = (await t.say(t.ada, c, 'Before')).seq;
    await ben.message(start);
    await cutAndBack(ben, gateway, async () => {
      for (const index of range(1, 3)) await t.say(t.ada, c, `Missed ${index}`);
    });
    assert.equal(ben.socket.recovered, true);
    await t.say(t.ada, c, 'After');
    await ben.message(start + 4);
    assert.deepEqual(ben.seqs(), range(start, start + 4));
    assert.equal(ben.all('connected').length, 1);
    ben.close();
  }
}, { dialects: SOCKETIO });

rowOverSockets('R-REC-1', 'a connection to which no event had come is recovered, too', async (t) => {
  const c = await t.begin();
  const ben = await t.joined(t.ben, c, { gateway: 0 });
  await cutAndBack(ben, 1, () => t.say(t.ada, c, 'Missed'));
  assert.equal(ben.socket.recovered, true);
  await ben.message(2);
  assert.deepEqual(ben.seqs(), [2]);
}, { dialects: SOCKETIO });

rowOverSockets('R-REC-4', 'another user, or a token that no longer holds, recovers nothing', async (t) => {
  const c = await t.begin();
  const ben = await t.joined(t.ben, c, { gateway: 0 });
  await cutAndBack(ben, 1, async () => {
    ben.socket.auth = { token: t.token(t.cleo) };
    await t.say(t.ada, c, 'Not for cleo');
  });
  assert.equal(ben.socket.recovered, false);
  await ben.until('a second connected', () => ben.all('connected').length === 2);
  assert.deepEqual([ben.all('connected')[1].userId, ben.seqs()], [t.cleo, []]);
  const other = await t.joined(t.ben, c);
  const refused = new Promise((resolve) => other.socket.once('connect_error', resolve));
  other.socket.auth = { token: t.token(t.ben, { exp: 1 }) };
  other.socket.io.engine.close();
  assert.equal((await within(BOUND_MS, 'a connect_error', refused)).message, 'unauthorized');
}, { dialects: SOCKETIO });
