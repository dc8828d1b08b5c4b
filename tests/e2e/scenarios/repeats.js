// A message is sent again and again by its client, as one that heard no answer does.

import assert from 'node:assert/strict';

import { begin, check, connect, done, putContract, scenario } from '../lib/scenario.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const clients = [await connect('ada', 0), await connect('ben', 1)];
  for (const client of clients) await done(client, 'join_conversation', { conversationId });
  const [ada] = clients;

  await check('each client has a message once, whatever was sent again', async () => {
    const message = { conversationId, content: 'Once', clientMessageId: 'sent-again' };
    for (let time = 0; time < 5; time += 1) assert.equal((await done(ada, 'send_message', message)).message.seq, 2);
    await done(ada, 'send_message', { conversationId, content: 'The last' });
    for (const client of clients) {
      await client.message(3);
      assert.deepEqual(client.seqs(), [2, 3]);
    }
  });
});
