// RECOVERY_SECONDS is 0: no session is kept.

import assert from 'node:assert/strict';

import { begin, check, connect, done, putContract, rest, scenario } from '../lib/scenario.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  await check('without recovery no client is given a name or offsets', async () => {
    const ben = await connect('ben', 0);
    await done(ben, 'join_conversation', { conversationId });
    await rest('ada').post(`/api/messages/conversations/${conversationId}/messages`, { content: 'Hello' });
    await ben.message(2);
    assert.deepEqual([ben.socket._pid, ben.socket._lastOffset], [undefined, undefined]);
  });
});
