// The same clientMessageId again and again, through every replica.

import assert from 'node:assert/strict';

import { expect, expectProblem } from '../lib/rest.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const clients = [await connect('ada', 0), await connect('ada', 1), await connect('ben', 0), await connect('ben', 1)];
  for (const client of clients) await done(client, 'join_conversation', { conversationId });
  const benOutside = await connect('ben', 1);
  const path = `/api/messages/conversations/${conversationId}/messages`;
  const draft = { content: 'Once', clientMessageId: 'once' };

  const first = await check('a retry over REST gets the first message back', async () => {
    const sent = expect(await rest('ada', 0).post(path, draft), 201, 'message');
    assert.deepEqual(expect(await rest('ada', 1).post(path, draft), 200, 'message'), sent);
    assert.deepEqual(expect(await rest('ada', 0).post('/api/messages', { contractId: 'c-1', ...draft }), 200), sent);
    return sent;
  });
  await check('a retry over a socket is acked as a duplicate', async () => {
    for (const client of clients.slice(0, 2)) {
      const ack = await done(client, 'send_message', { conversationId, ...draft });
      assert.deepEqual([ack.duplicate, ack.message], [true, first]);
    }
  });
  await check('of many retries at once, one is stored', async () => {
    const again = { content: 'At once', clientMessageId: 'at-once' };
    const bySocket = range(0, 9).map((index) => done(clients[index % 2], 'send_message', { conversationId, ...again }));
    const byRest = range(0, 9).map((index) => rest('ada', index % 2).post(path, again));
    const acks = await Promise.all(bySocket);
    const answers = await Promise.all(byRest);
    const firsts = acks.filter(({ duplicate }) => !duplicate).length
      + answers.filter(({ status }) => status === 201).length;
    assert.equal(firsts, 1);
    const ids = [...acks.map(({ message }) => message.id), ...answers.map(({ body }) => body.id)];
    assert.equal(new Set(ids).size, 1);
    assert.ok(answers.every(({ status }) => status === 200 || status === 201));
  });
  await check('another content is a conflict', async () => {
    expectProblem(await rest('ada', 1).post(path, { ...draft, content: 'Twice' }), 409, 'conflict');
    const ack = await clients[0].emit('send_message', { conversationId, ...draft, content: 'Twice' });
    assert.deepEqual([ack.ok, ack.error.code], [false, 'conflict']);
  });
  await check('it names a message of its sender in its conversation alone', async () => {
    assert.equal(expect(await rest('ben', 1).post(path, draft), 201, 'message').seq, 4);
    await putContract('c-2');
    const elsewhere = await rest('ada', 1).post('/api/messages', { contractId: 'c-2', ...draft });
    assert.equal(expect(elsewhere, 201, 'message').seq, 1);
  });
  await check('everyone has been told of each message once', async () => {
    await done(clients[0], 'send_message', { conversationId, content: 'The last message' });
    for (const client of clients) {
      await client.message(5);
      assert.deepEqual(client.seqs(), [2, 3, 4, 5], client.name);
    }
    const told = ({ conversationId: id, seq }) => `${id === conversationId ? 'here' : 'elsewhere'} ${seq}`;
    await benOutside.event('message_notification', ({ seq }) => seq === 5);
    assert.deepEqual(benOutside.all('message_notification').map(told), ['here 2', 'here 3', 'elsewhere 1', 'here 5']);
  });
});
