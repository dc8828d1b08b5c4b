// Long-polling through any gateway.

import assert from 'node:assert/strict';

import { http } from '../../lib/http.js';
import { row } from '../table.js';
import { done, gateways, range } from '../world.js';

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
