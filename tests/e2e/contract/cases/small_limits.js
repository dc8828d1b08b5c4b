// Limits that the cluster `small` has set: FRAME_BYTES_MAX 4096, EVENTS_BURST 5 and 1 a second, REQUESTS_BURST 12 and 1 a second,
// CONNECTIONS_PER_USER_MAX 4, CONVERSATIONS_PER_CONNECTION_MAX 2, PING_INTERVAL_MS and PING_TIMEOUT_MS 1000, PRESENCE_GRACE_MS 600.

import assert from 'node:assert/strict';

import { UPGRADE, http } from '../../lib/http.js';
import { frame, RawSocket } from '../../lib/raw.js';
import { refusal } from '../../lib/socket.js';
import { row, rowOverSockets } from '../table.js';
import { assertUnbroken, done, expect, expectProblem, gateways, range, refused } from '../world.js';

const small = { group: 'small' };
const SECOND_MS = 1_000;

rowOverSockets(['R-SET-20', 'R-LIM-10'], 'a burst of 5 events is taken, and then one a second of each connection', async (t) => {
  const c = await t.begin();
  const [ada, elsewhere] = [await t.connect(t.ada), await t.connect(t.ada)];
  const data = { conversationId: c.conversationId };
  const started = Date.now();
  const acks = await Promise.all(range(1, 15).map(() => ada.emit('leave_conversation', data)));
  const seconds = Math.ceil((Date.now() - started) / SECOND_MS);
  assert.deepEqual(acks.slice(0, 5).map(({ ok }) => ok), Array(5).fill(true));
  const taken = acks.filter(({ ok }) => ok).length;
  assert.ok(taken <= 5 + seconds, `${taken} were taken within ${seconds} s`);
  assert.ok(acks.every(({ ok, error }) => ok || error.code === 'rate_limited'));
  assert.equal((await elsewhere.emit('leave_conversation', data)).ok, true);
  const limited = Date.now();
  while (!(await ada.emit('leave_conversation', data)).ok) assert.ok(Date.now() - limited < 10 * SECOND_MS, 'it is never let through again');
  assertUnbroken(ada);
}, small);

row(['R-SET-21', 'R-ERR-8', 'R-LIM-10'], 'a burst of 12 requests is served, and after Retry-After there is one more', async (t) => {
  const get = (user) => t.rest(user, 0).get('/api/messages/conversations');
  const first = await Promise.all(range(1, 12).map(() => get(t.ada)));
  assert.deepEqual(first.filter(({ status }) => status !== 200), []);
  let limited;
  for (let more = 0; limited === undefined && more < 1_000; more += 1) {
    limited = (await Promise.all(range(1, 5).map(() => get(t.ada)))).find(({ status }) => status === 429);
  }
  expectProblem(limited, 429, 'rate_limited');
  const seconds = Number(limited.headers.get('retry-after'));
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 12, `${seconds}`);
  expect(await get(t.ben), 200);
  await new Promise((resolve) => setTimeout(resolve, seconds * SECOND_MS));
  expect(await get(t.ada), 200);
}, { ...small, slow: true });

row('R-SET-18', 'a frame and a body have 4,096 bytes', async (t) => {
  const c = await t.begin();
  const filled = (value, size) => {
    const empty = JSON.stringify({ ...value, filler: '' });
    return empty.replace('"filler":""', `"filler":"${'x'.repeat(size - empty.length)}"`);
  };
  const post = (size) => t.rest(t.ben).send('POST', `${c.path}/messages`, { body: filled({ content: 'Hi' }, size), headers: { 'content-type': 'application/json' } });
  expect(await post(4_096), 201, 'message');
  expectProblem(await post(4_097), 413, 'payload_too_large');
  const event = { event: 'leave_conversation', data: { conversationId: c.conversationId } };
  const headers = { authorization: `Bearer ${t.token(t.ada)}` };
  const raw = await RawSocket.open(gateways[0], '/ws', headers);
  raw.send(frame(1, Buffer.from(filled({ id: 'taken', ...event }, 4_096))));
  await raw.has('an acknowledgement', () => raw.bytes.includes('"ack":"taken"'));
  raw.send(frame(1, Buffer.from(filled(event, 4_097))));
  assert.equal(await raw.closeCode(), 1009);
  const { text } = await http(`${gateways[0]}/socket.io/?EIO=4&transport=polling`);
  assert.equal(JSON.parse(text.slice(1)).maxPayload, 4_096);
}, small);

row(['R-SET-22', 'R-IO-12', 'R-WS-12'], 'a user has 4 connections', async (t) => {
  for (const dialect of ['plain', 'websocket', 'polling', 'default']) await t.connect(t.ada, { dialect });
  for (const gateway of gateways) {
    const error = await refusal(gateway, { auth: { token: t.token(t.ada) } });
    assert.deepEqual(error.data, { code: 'limit_reached' });
    const answer = await http(`${gateway}/ws`, { headers: { ...UPGRADE, authorization: `Bearer ${t.token(t.ada)}` } });
    expectProblem(answer, 429, 'limit_reached');
  }
  await t.connect(t.ben);
}, small);

rowOverSockets(['R-SET-23', 'R-ERR-9'], 'a connection can have joined 2 conversations, and another one once it has left one', async (t) => {
  const ids = [];
  for (const letter of ['c', 'd', 'e']) ids.push((await t.begin({}, `${letter}-${t.key}`)).conversationId);
  const [ada, ben] = [await t.connect(t.ada), await t.connect(t.ben)];
  for (const conversationId of ids.slice(0, 2)) await done(ada, 'join_conversation', { conversationId });
  await refused(ada, 'join_conversation', { conversationId: ids[2] }, 'limit_reached');
  await done(ada, 'leave_conversation', { conversationId: ids[0] });
  await done(ada, 'join_conversation', { conversationId: ids[2] });
  await done(ben, 'join_conversation', { conversationId: ids[0] });
  assertUnbroken(ada);
}, small);

row(['R-WS-10', 'R-SET-26'], 'a silent peer is pinged after the interval and closed after the timeout', async (t) => {
  const started = Date.now();
  const raw = await RawSocket.open(gateways[1], '/ws', { authorization: `Bearer ${t.token(t.ada)}` });
  await raw.has('a ping', () => raw.bytes.includes(Buffer.from([0x89])));
  const pinged = Date.now() - started;
  await raw.ended;
  const closed = Date.now() - started;
  assert.ok(pinged > 700 && pinged < 6_000, `pinged after ${pinged} ms`);
  assert.ok(closed > 1_700 && closed < 10_000, `closed after ${closed} ms`);
}, { ...small, slow: true });

rowOverSockets(['R-WS-10', 'R-SET-26'], 'a client that answers pings stays', async (t) => {
  const ada = await t.connect(t.ada);
  await new Promise((resolve) => setTimeout(resolve, 4 * SECOND_MS));
  await done(ada, 'get_presence', { userIds: [t.ada] });
  assertUnbroken(ada);
}, { ...small, slow: true, dialects: ['websocket', 'polling', 'plain'] });
