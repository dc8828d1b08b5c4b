// The cluster `open` has no limit of rates and connections, which leaves that of unsent data.

import assert from 'node:assert/strict';

import { http } from '../../lib/http.js';
import { frame, RawSocket } from '../../lib/raw.js';
import { row, rowOverSockets } from '../table.js';
import { done, expect, gateways, range } from '../world.js';

const open = { group: 'open' };

rowOverSockets('R-LIM-11', 'with limits of 0, events, requests and connections are not limited', async (t) => {
  const c = await t.begin();
  const clients = await Promise.all(range(1, 15).map(() => t.connect(t.ada)));
  const acks = await Promise.all(range(1, 200).map(() => clients[0].emit('leave_conversation', { conversationId: c.conversationId })));
  assert.deepEqual(acks.filter(({ ok }) => !ok), []);
}, open);

row('R-LIM-11', 'with a limit of 0, requests are not limited', async (t) => {
  await t.contract();
  const statuses = new Set();
  // A burst of 300, and then more than 50 a second for as long as it takes.
  for (const _ of range(1, 60)) {
    const answers = await Promise.all(range(1, 10).map(() => t.rest(t.ben, 0).get('/api/presence?userIds=nobody')));
    for (const { status } of answers) statuses.add(status);
  }
  assert.deepEqual([...statuses], [200]);
}, open);

for (const [path, code] of [['/ws', 4408], ['/socket.io/?EIO=4&transport=websocket', null]]) {
  row(['R-LIM-8', 'R-REC-6', ...(code ? ['R-CLOSE-9'] : [])], `who does not read what he is sent is closed, and nobody else is (${path.slice(0, 5)})`, async (t) => {
    const c = await t.begin();
    const { conversationId } = c;
    const witness = await t.joined(t.ada, c, { dialect: 'plain' });
    const gateway = gateways[code ? 0 : 1];
    const slow = async () => /^fh_gateway_closed_links_total\{reason="too_slow"\} [1-9]/m.test((await http(`${gateway}/metrics`)).text);
    const raw = await RawSocket.open(gateway, path, { authorization: `Bearer ${t.token(t.ben)}` });
    if (code) {
      raw.send(frame(1, Buffer.from(JSON.stringify({ id: 1, event: 'join_conversation', data: { conversationId } }))));
      await raw.has('its acknowledgement', () => raw.bytes.includes('"ack":1'));
    } else {
      raw.send(frame(1, Buffer.from(`40/messages,${JSON.stringify({ token: t.token(t.ben) })}`)));
      raw.send(frame(1, Buffer.from(`42/messages,1${JSON.stringify(['join_conversation', { conversationId }])}`)));
      await raw.has('its acknowledgement', () => raw.bytes.includes('43/messages,1'));
    }
    raw.socket.pause();
    // The buffers of the kernel on both sides hold some of it. The witness sets the pace.
    const content = '😀'.repeat(10_000);
    let last = 1;
    while (!(await slow())) {
      assert.ok(last < 1_000, 'it is never closed');
      await Promise.all(range(1, 4).map(() => t.say(t.ada, c, content)));
      last += 4;
      await witness.message(last);
    }
    raw.socket.resume();
    const given = await raw.closeCode();
    if (code) assert.equal(given, code);
    assert.ok(!raw.bytes.includes(`"seq":${last},`), 'it was closed before the last one');
    assert.deepEqual(witness.seqs(), range(2, last));
  }, open);
}

row('R-ERR-10', 'nothing is unavailable while all is well', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada, { dialect: 'plain' });
  const bySocket = range(1, 50).map((index) => done(ada, 'send_message', { conversationId: c.conversationId, content: `Number ${index}` }));
  await Promise.all([...bySocket, ...range(1, 50).map((index) => t.say(t.ben, c, `Number ${index}`))]);
  assert.equal(expect(await t.rest(t.ada).get(c.path), 200).lastSeq, 101);
}, open);
