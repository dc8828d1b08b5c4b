// The limits as they are unless set otherwise.

import assert from 'node:assert/strict';

import { UPGRADE, http } from '../../lib/http.js';
import { refusal } from '../../lib/socket.js';
import { row } from '../table.js';
import { done, expect, gateways, range, refused } from '../world.js';

row('R-LIM-5', 'of a burst of requests 300 are served, the rest is rate_limited with Retry-After', async (t) => {
  const path = '/api/messages/conversations';
  const get = () => t.rest(t.ada, 0).get(path);
  const first = await Promise.all(range(1, 300).map(get));
  assert.deepEqual(first.filter(({ status }) => status !== 200), []);
  let limited;
  // However fast or slow this machine is: more than 50 a second, until one is too many.
  for (const until = Date.now() + 30_000; limited === undefined; ) {
    assert.ok(Date.now() < until, 'no request is ever too many');
    limited = (await Promise.all(range(1, 200).map(get))).find(({ status }) => status === 429);
  }
  assert.equal(limited.body.code, 'rate_limited');
  assert.match(limited.headers.get('retry-after'), /^[1-9]\d*$/);
  expect(await t.rest(t.ben, 0).get(path), 200);
}, { slow: true });

row(['R-LIM-6', 'R-IO-12', 'R-WS-12', 'R-ERR-9'], 'a user has 10 connections over all gateways and transports', async (t) => {
  const clients = [];
  for (const index of range(1, 10)) clients.push(await t.connect(t.ada, { dialect: ['default', 'websocket', 'polling', 'plain'][index % 4] }));
  const isFull = async () => {
    for (const gateway of gateways) {
      for (const transports of [['polling'], ['websocket']]) {
        const error = await refusal(gateway, { auth: { token: t.token(t.ada) }, transports });
        assert.equal(error.data?.code, 'limit_reached');
      }
      const answer = await http(`${gateway}/ws`, { headers: { ...UPGRADE, authorization: `Bearer ${t.token(t.ada)}` } });
      assert.deepEqual([answer.status, answer.body?.code], [429, 'limit_reached']);
    }
  };
  await isFull();
  await t.connect(t.ben, { dialect: 'plain' });
  for (const client of clients.slice(0, 2)) {
    client.close();
    // The gateway learns of the end a moment later.
    for (let open = false, until = Date.now() + 10_000; !open;) {
      assert.ok(Date.now() < until, 'no place becomes free');
      open = await t.connect(t.ada, { dialect: 'plain', gateway: 1 }).then(() => true, () => false);
    }
    await isFull();
  }
});

row(['R-LIM-7', 'R-ERR-9'], 'a connection can have joined 500 conversations', async (t) => {
  const ids = [];
  while (ids.length < 501) {
    const batch = range(1, Math.min(8, 501 - ids.length)).map((index) => t.begin({}, `c${ids.length + index}-${t.key}`));
    ids.push(...(await Promise.all(batch)).map(({ conversationId }) => conversationId));
  }
  const ada = await t.connect(t.ada, { dialect: 'websocket' });
  const join = (conversationId) => done(ada, 'join_conversation', { conversationId });
  for (const start of range(0, 49)) await Promise.all(ids.slice(start * 10, start * 10 + 10).map(join));
  await refused(ada, 'join_conversation', { conversationId: ids[500] }, 'limit_reached');
  await join(ids[0]);
  await done(ada, 'leave_conversation', { conversationId: ids[0] });
  await join(ids[500]);
  await refused(ada, 'join_conversation', { conversationId: ids[0] }, 'limit_reached');
  await done(ada, 'send_message', { conversationId: ids[500], content: 'Hi' });
  await ada.event('new_message', ({ conversationId }) => conversationId === ids[500]);
}, { group: 'open' });

row('R-SET-26', 'the handshake tells the interval and the timeout of pings', async () => {
  const { text } = await http(`${gateways[0]}/socket.io/?EIO=4&transport=polling`);
  const { pingInterval, pingTimeout } = JSON.parse(text.slice(1));
  assert.deepEqual([pingInterval, pingTimeout], [25_000, 20_000]);
});
