// An API replica is killed while messages are being sent through it.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';
import { history } from '../lib/history.js';

const COUNT = 300;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const [ada, ben] = [await connect('ada', 0), await connect('ben', 1, 'plain')];
  for (const client of [ada, ben]) await done(client, 'join_conversation', { conversationId });
  const path = `/api/messages/conversations/${conversationId}/messages`;
  const draft = (index) => ({ content: `Number ${index}`, clientMessageId: `n-${index}` });

  const acked = new Map();
  const bySocket = async (index) => {
    const ack = await ada.emit('send_message', { conversationId, ...draft(index) });
    if (ack.ok) acked.set(index, ack.message);
    else assert.equal(ack.error.code, 'unavailable');
  };
  const byRest = async (index) => {
    try {
      const answer = await rest('ben', 0).post(path, draft(index));
      if (answer.status === 201) acked.set(index, answer.body);
      else assert.equal(answer.status, 503);
    } catch (error) {
      assert.equal(error.name, 'TypeError', 'the connection to the killed replica breaks, and nothing else');
    }
  };
  const sends = range(1, COUNT).map((index) => (index % 2 === 0 ? bySocket(index) : byRest(index)));
  await ada.message(40);
  await ask('kill api 0');
  await check('each send is acked or refused', () => Promise.all(sends));
  await check('some were acked before it died, and not all', () => {
    assert.ok(acked.size > 0 && acked.size < COUNT, `${acked.size} were acked`);
  });
  await check('what was acked is stored', async () => {
    const stored = new Map((await history('ada', conversationId, 1)).map((message) => [message.seq, message]));
    for (const message of acked.values()) assert.deepEqual(stored.get(message.seq), message);
  });
  await check('the rest goes through on a retry, nothing twice', async () => {
    for (const index of range(1, COUNT)) {
      const answer = await rest(index % 2 === 0 ? 'ada' : 'ben', 1).post(path, draft(index));
      assert.ok([200, 201].includes(answer.status), answer.text);
      if (acked.has(index)) assert.deepEqual(answer.body, acked.get(index));
    }
    const contents = (await history('ben', conversationId, 1)).slice(1).map(({ content }) => content);
    assert.deepEqual(contents.toSorted(), range(1, COUNT).map((index) => `Number ${index}`).toSorted());
  });
  await check('both have been told of all of it in order, once', async () => {
    for (const client of [ada, ben]) {
      await client.message(COUNT + 1);
      assert.deepEqual(client.all('new_message'), (await history('ada', conversationId, 1)).slice(1));
      assert.deepEqual(client.disconnects ?? [], []);
    }
  });
});
