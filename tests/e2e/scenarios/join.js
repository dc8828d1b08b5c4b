// Who joins late gets what he missed, before the ack and in order, and then what is new.

import assert from 'node:assert/strict';

import { expect } from '../lib/rest.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const REPLAY_MAX = 500;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const path = `/api/messages/conversations/${conversationId}/messages`;
  const send = async (content, api = 0) => expect(await rest('ada', api).post(path, { content }), 201, 'message');
  const sent = [];
  for (const seq of range(2, 7)) sent.push(await send(`Number ${seq}`));

  const ben = await connect('ben', 1);
  await check('with afterSeq, what was missed comes before the ack and in order', async () => {
    const ack = await done(ben, 'join_conversation', { conversationId, afterSeq: 3 });
    assert.deepEqual([ack.replayed, ack.hasMore, ack.conversation.lastSeq], [4, false, 7]);
    const order = ben.entries.filter(({ event }) => event !== 'connected').map(({ event, data }) => data.seq ?? event);
    assert.deepEqual(order, [4, 5, 6, 7, 'ack:join_conversation']);
    assert.deepEqual(ben.all('new_message'), sent.slice(2));
  });
  await check('joining again is harmless', async () => {
    await done(ben, 'join_conversation', { conversationId });
    await done(ben, 'join_conversation', { conversationId, afterSeq: 3 });
    await send('Number 8', 1);
    await ben.message(8);
    assert.deepEqual(ben.seqs(), [4, 5, 6, 7, 8]);
  });
  await check('an afterSeq that nothing comes after replays nothing', async () => {
    for (const [gateway, afterSeq] of [[0, 8], [1, 8], [0, 1_000]]) {
      const late = await connect('ben', gateway, 'websocket');
      const ack = await done(late, 'join_conversation', { conversationId, afterSeq });
      assert.deepEqual([ack.replayed, ack.hasMore, late.seqs()], [0, false, []]);
      late.close();
    }
  });
  const last = REPLAY_MAX + 20;
  await Promise.all(range(9, last).map((seq) => send(`About number ${seq}`, seq % 2)));
  for (const [gateway, transport] of [[0, 'polling'], [1, 'default'], [0, 'plain']]) {
    await check(`a replay over ${transport} ends after ${REPLAY_MAX}, and live messages follow the last`, async () => {
      const late = await connect('ben', gateway, transport);
      const ack = await done(late, 'join_conversation', { conversationId, afterSeq: 5 });
      assert.deepEqual([ack.replayed, ack.hasMore], [REPLAY_MAX, true]);
      assert.deepEqual(late.seqs(), range(6, 5 + REPLAY_MAX));
      const { seq } = await send('A live one');
      await late.message(seq);
      assert.deepEqual(late.seqs(), [...range(6, 5 + REPLAY_MAX), seq]);
      assert.equal(seq, ack.conversation.lastSeq + 1);
      late.close();
    });
  }
});
