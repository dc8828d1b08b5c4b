// A client that stays away for longer than its session is kept: RECOVERY_SECONDS is 1.

import assert from 'node:assert/strict';

import { Link } from '../lib/link.js';
import { begin, check, done, gateways, putContract, rest, scenario, tokens } from '../lib/scenario.js';
import { SocketClient } from '../lib/socket.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  await check('a client that comes too late begins anew, and asks for what it missed', async () => {
    const link = await Link.to(gateways[0]);
    const ben = await SocketClient.open('ben', link.url, tokens.ben, { transports: ['websocket'] });
    await done(ben, 'join_conversation', { conversationId });
    link.cut();
    await ben.until('lost its connection', () => ben.disconnects.length === 1);
    await rest('ada').post(`/api/messages/conversations/${conversationId}/messages`, { content: 'Missed' });
    // The time that is set, and what NATS takes to look for what has expired, are what is tested.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    link.mend(gateways[1]);
    await ben.until('a second connected', () => ben.all('connected').length === 2);
    assert.equal(ben.socket.recovered, false);
    const { replayed } = await done(ben, 'join_conversation', { conversationId, afterSeq: 1 });
    assert.deepEqual([replayed, ben.seqs()], [1, [2]]);
    ben.close();
    link.close();
  });
});
