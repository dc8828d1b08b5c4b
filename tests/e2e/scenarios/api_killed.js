// An API replica is killed while messages are being sent through it.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';
import { history } from '../lib/history.js';

/** How much each sender still sends when the replica is dead. */
const AFTERWARDS = 5;

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
      const answer = await rest('ada', 0).post(path, draft(index));
      if (answer.status === 201) acked.set(index, answer.body);
      else assert.equal(answer.status, 503);
    } catch (error) {
      assert.equal(error.name, 'TypeError', 'the connection to the killed replica breaks, and nothing else');
    }
  };
  let [killed, count] = [false, 0];
  const keepSending = async (send) => {
    for (let left = AFTERWARDS; left > 0; left -= killed ? 1 : 0) await send(++count);
  };
  const senders = [bySocket, byRest, byRest, bySocket, byRest].map(keepSending);
  await ada.message(40);
  await ask('kill api 0');
  killed = true;
  await check('each send is acked or refused', () => Promise.all(senders));
  await check('some were acked before it died, and not all', () => {
    assert.ok(acked.size > 0 && acked.size < count, `${acked.size} of ${count} were acked`);
  });
  await check('what was acked is stored', async () => {
    const stored = new Map((await history('ada', conversationId, 1)).map((message) => [message.seq, message]));
    for (const message of acked.values()) assert.deepEqual(stored.get(message.seq), message);
  });
  await check('the rest goes through on a retry, nothing twice', async () => {
    for (const index of range(1, count)) {
      const answer = await rest('ada', 1).post(path, draft(index));
      assert.ok([200, 201].includes(answer.status), answer.text);
      if (acked.has(index)) assert.deepEqual(answer.body, acked.get(index));
    }
    const contents = (await history('ben', conversationId, 1)).slice(1).map(({ content }) => content);
    assert.deepEqual(contents.toSorted(), range(1, count).map((index) => `Number ${index}`).toSorted());
  });
  await check('both have been told of all of it in order, once', async () => {
    for (const client of [ada, ben]) {
      await client.message(count + 1);
      assert.deepEqual(client.all('new_message'), (await history('ada', conversationId, 1)).slice(1));
      assert.deepEqual(client.disconnects ?? [], []);
    }
  });
});
