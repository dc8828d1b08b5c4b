// Clients that join while messages pour in.

import assert from 'node:assert/strict';

import { begin, check, connect, done, putContract, range, scenario } from '../lib/scenario.js';

const COUNT = 300;
const JOINERS = [
  { transport: 'default', at: 20 },
  { transport: 'websocket', at: 60, afterSeq: 0 },
  { transport: 'polling', at: 90, afterSeq: 30 },
  { transport: 'plain', at: 130, afterSeq: 130 },
  { transport: 'websocket', at: 170 },
  { transport: 'plain', at: 210 },
  { transport: 'default', at: 250, afterSeq: 5 },
];

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const sender = await connect('ada', 0);
  const others = [await connect('ben', 1, 'plain'), await connect('ada', 1, 'websocket')];
  await done(sender, 'join_conversation', { conversationId });
  const joiners = await Promise.all(JOINERS.map(({ transport }, index) => connect('ben', index % 2, transport)));

  const flood = range(2, COUNT + 1).map((index) =>
    done([sender, ...others][index % 3], 'send_message', { conversationId, content: `Number ${index}` }));
  const joins = joiners.map(async (client, index) => {
    const { at, afterSeq } = JOINERS[index];
    await sender.message(at);
    return done(client, 'join_conversation', { conversationId, afterSeq });
  });
  await check('all messages are acked', () => Promise.all(flood));
  const acks = await check('all clients join', () => Promise.all(joins));
  const last = COUNT + 2;
  await done(sender, 'send_message', { conversationId, content: 'The last message' });
  for (const [index, client] of joiners.entries()) {
    const { transport, afterSeq } = JOINERS[index];
    const { lastSeq } = acks[index].conversation;
    await check(`over ${transport}, from ${afterSeq ?? `the last of ${lastSeq}`} on, there is no gap and no repeat`, async () => {
      await client.message(last);
      assert.deepEqual(client.seqs(), range((afterSeq ?? lastSeq) + 1, last));
    });
  }
  await check('some joined in the middle', () => {
    const middle = acks.filter(({ conversation }) => conversation.lastSeq > 1 && conversation.lastSeq < last);
    assert.ok(middle.length > 2, `${middle.length} did`);
  });
});
