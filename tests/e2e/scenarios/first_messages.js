// Fifty first messages of one contract at once, by both users, over REST and sockets.

import assert from 'node:assert/strict';

import { expect } from '../lib/rest.js';
import { check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const COUNT = 50;

scenario(async () => {
  await putContract('c-1', { milestones: [{ id: 'm-1', title: 'First draft' }] });
  const sockets = [await connect('ada', 0), await connect('ben', 1), await connect('ben', 0, 'plain')];
  const calls = [rest('ada', 0), rest('ben', 1), rest('ada', 1)];
  const send = async (index) => {
    const draft = { contractId: 'c-1', milestoneId: 'm-1', content: `Number ${index}` };
    if (index % 2 === 0) return (await done(sockets[index % 3], 'create_message', draft)).message;
    return expect(await calls[index % 3].post('/api/messages', draft), 201, 'message');
  };
  const messages = await check('fifty first messages at once are all stored', () =>
    Promise.all(range(1, COUNT).map(send)));
  const conversationId = messages[0].conversationId;
  await check('they are in one conversation, numbered without a gap', async () => {
    assert.deepEqual(new Set(messages.map((message) => message.conversationId)), new Set([conversationId]));
    assert.deepEqual(messages.map(({ seq }) => seq).sort((a, b) => a - b), range(1, COUNT));
    assert.equal(new Set(messages.map(({ id }) => id)).size, COUNT);
  });
  for (const [user, api] of [['ada', 1], ['ben', 0]]) {
    await check(`${user} sees one conversation with all of them`, async () => {
      const page = expect(await rest(user, api).get('/api/messages/conversations'), 200, 'conversations_page');
      assert.deepEqual(page.items.map(({ id, lastSeq }) => [id, lastSeq]), [[conversationId, COUNT]]);
      const history = await rest(user, api).get(`/api/messages/conversations/${conversationId}/messages?limit=100`);
      const { items, hasMore } = expect(history, 200, 'history_page');
      assert.equal(hasMore, false);
      assert.deepEqual(items, messages.toSorted((a, b) => a.seq - b.seq));
    });
  }
});
