// Sessions whose requests reach the gateways in turn.

import assert from 'node:assert/strict';

import { Front } from '../../lib/front.js';
import { http } from '../../lib/http.js';
import { transports } from '../../lib/scenario.js';
import { SocketClient } from '../../lib/socket.js';
import { row, rowOverSockets } from '../table.js';
import { assertUnbroken, done, gateways, range } from '../world.js';

row('R-IO-4', 'each request of a polling session may reach another gateway', async (t) => {
  const c = await t.begin();
  const path = '/socket.io/?EIO=4&transport=polling';
  const { text } = await http(gateways[0] + path);
  const session = `${path}&sid=${JSON.parse(text.slice(1)).sid}`;
  let turn = 0;
  const next = () => gateways[(turn += 1) % gateways.length];
  const post = async (body) => assert.equal((await http(next() + session, { method: 'POST', body })).status, 200);
  let got = '';
  const until = async (part) => {
    while (!got.includes(part)) {
      const answer = await http(next() + session);
      assert.equal(answer.status, 200);
      got += answer.text;
    }
  };
  await post(`40/messages,${JSON.stringify({ token: t.token(t.ada) })}`);
  await until('connected');
  for (const index of range(1, 6)) {
    await post(`42/messages,${index}${JSON.stringify(['join_conversation', { conversationId: c.conversationId }])}`);
    await until(`43/messages,${index}[`);
  }
  const sent = await t.say(t.ben, c, 'Across');
  await until(sent.id);
  const ben = await t.joined(t.ben, c, { dialect: 'plain' });
  await done(ben, 'send_message', { conversationId: c.conversationId, content: 'Done' });
  await until('Done');
});

rowOverSockets('R-IO-4', 'the unmodified client talks through a front without sticky sessions', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const front = await Front.open(gateways);
  try {
    const client = new SocketClient('ada', front.url, t.token(t.ada), transports[t.dialect]);
    t.clients.push(client);
    // All of it goes out at once: some before an upgrade, some while it goes on, some after it.
    const sent = [done(client, 'join_conversation', { conversationId })];
    for (const index of range(2, 15)) sent.push(done(client, 'send_message', { conversationId, content: `Number ${index}` }));
    const acks = (await Promise.all(sent)).slice(1);
    assert.deepEqual(acks.map(({ message }) => message.content), range(2, 15).map((index) => `Number ${index}`));
    for (const index of range(16, 20)) await t.say(t.ben, c, `Number ${index}`);
    await client.message(20);
    assert.deepEqual(client.seqs(), range(2, 20));
    assert.equal(client.all('connected').length, 1);
    if (t.dialect === 'polling') assert.equal(client.transport, 'polling');
    assertUnbroken(client);
    assert.ok(front.turns.every((turns) => turns > 1), 'each gateway had its part');
  } finally {
    front.close();
  }
}, { dialects: ['default', 'polling'] });
