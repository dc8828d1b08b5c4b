// MongoDB stands still for a while: connections stay, nothing answers.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { health } from '../lib/http.js';
import { history } from '../lib/history.js';
import { expect, expectProblem } from '../lib/rest.js';
import { apis, begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const DEADLINE_MS = 8_000;
const COUNT = 20;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const path = `/api/messages/conversations/${conversationId}/messages`;
  // The events of one connection wait for each other, so that each has its own.
  const places = range(1, COUNT / 2).map((index) => [index % 2 === 0 ? 'ada' : 'ben', index % 4 < 2 ? 0 : 1]);
  const clients = await Promise.all(places.map(([user, gateway], index) => connect(user, gateway, index < 4 ? 'plain' : 'websocket')));
  for (const client of clients) await done(client, 'join_conversation', { conversationId });
  const draft = (index) => ({ content: `Number ${index}`, clientMessageId: `n-${index}` });
  const acked = [];
  const bySocket = async (index) => {
    const ack = await clients[index - 1].emit('send_message', { conversationId, ...draft(index) }, DEADLINE_MS);
    if (ack.ok) acked.push(ack.message);
    return ack.ok ? 'acked' : ack.error.code;
  };
  const byRest = async (index) => {
    const answer = await rest('ben', index % 2).post(path, draft(index));
    if (answer.status < 300) acked.push(answer.body);
    else assert.ok(Number(expectProblem(answer, 503, 'unavailable') && answer.headers.get('retry-after')) >= 1);
    return answer.status < 300 ? 'acked' : answer.body.code;
  };

  const send = (index) => (index <= clients.length ? bySocket(index) : byRest(index));

  await ask('pause mongodb');
  await check('sends are refused as unavailable within their deadline, and none is acked', async () => {
    const outcomes = await Promise.all(range(1, COUNT).map(send));
    assert.deepEqual(outcomes, range(1, COUNT).map(() => 'unavailable'));
  });
  await check('reads are refused as well, and the process lives', async () => {
    expectProblem(await rest('ada', 1).get('/api/messages/conversations'), 503, 'unavailable');
    const ack = await clients[0].emit('mark_as_read', { conversationId }, DEADLINE_MS);
    assert.equal(ack.error.code, 'unavailable');
    for (const url of apis) assert.equal(await health(url, 'live'), 200);
  });
  await ask('resume mongodb');
  await check('afterwards each retry is acked, and stored once', async () => {
    for (const index of range(1, COUNT)) {
      const until = Date.now() + DEADLINE_MS;
      let outcome = await send(index);
      while (outcome !== 'acked') {
        assert.ok(outcome === 'unavailable' && Date.now() < until, `${outcome} after all that time`);
        outcome = await send(index);
      }
    }
    const stored = (await history('ada', conversationId, 1)).slice(1);
    assert.deepEqual(stored.map(({ seq }) => seq), range(2, COUNT + 1));
    assert.equal(new Set(stored.map(({ clientMessageId }) => clientMessageId)).size, COUNT);
  });
  await check('everyone saw everything in order, once', async () => {
    const expected = (await history('ben', conversationId, 0)).slice(1);
    for (const message of acked) assert.deepEqual(expected[message.seq - 2], message);
    for (const client of clients) {
      await client.message(COUNT + 1);
      assert.deepEqual(client.all('new_message'), expected, client.name);
      assert.deepEqual(client.disconnects ?? [], []);
    }
    expect(await rest('ada', 0).get('/api/messages/conversations'), 200, 'conversations_page');
  });
});
