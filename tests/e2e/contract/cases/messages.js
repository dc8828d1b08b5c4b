// The calls that write messages, and the list of conversations.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { NOBODYS_ID, done, expect, expectProblem, range, refused } from '../world.js';

const LIST = '/api/messages/conversations';

row('R-POST-1', 'a message to a contract or a milestone opens its conversation', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  for (const milestoneId of [null, 'm-1']) {
    const sent = expect(await t.rest(t.ben).post('/api/messages', { contractId: t.contractId, milestoneId, content: 'Hi' }), 201, 'message');
    assert.deepEqual([sent.seq, sent.milestoneId, sent.senderId], [1, milestoneId, t.ben]);
    const again = expect(await t.rest(t.ada).post('/api/messages', { contractId: t.contractId, milestoneId, content: 'Ho' }), 201, 'message');
    assert.deepEqual([again.seq, again.conversationId], [2, sent.conversationId]);
    expect(await t.rest(t.ada).get(`${LIST}/${sent.conversationId}`), 200, 'conversation');
  }
});

row('R-POST-2', 'a message to a conversation is stored at once', async (t) => {
  const c = await t.begin();
  const sent = await t.say(t.ben, c, 'Hi');
  assert.deepEqual([sent.seq, sent.conversationId, sent.contractId, sent.senderId, sent.content], [2, c.conversationId, c.contractId, t.ben, 'Hi']);
  for (const user of [t.ada, t.ben]) assert.deepEqual((await t.rest(user).get(`${c.path}/messages`)).body.items, [c.first, sent]);
});

row('R-POST-3', 'an unknown contract or milestone is not_found', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  for (const place of [{ contractId: `no-${t.key}` }, { contractId: `no-${t.key}`, milestoneId: 'm-1' }, { contractId: t.contractId, milestoneId: 'm-2' }]) {
    expectProblem(await t.rest(t.ada).post('/api/messages', { ...place, content: 'Hi' }), 404, 'not_found');
  }
  assert.deepEqual((await t.rest(t.ada).get(LIST)).body.items, []);
});

row('R-POST-4', 'a contract of others is not_found, whatever the role', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  for (const user of [t.cleo, t.host, t.root]) {
    for (const milestoneId of [null, 'm-1', 'm-2']) {
      expectProblem(await t.rest(user).post('/api/messages', { contractId: t.contractId, milestoneId, content: 'Hi' }), 404, 'not_found');
    }
  }
  assert.deepEqual((await t.rest(t.ada).get(LIST)).body.items, []);
});

/** So many conversations of ada, the latest first. */
async function conversations(t, count) {
  const ids = [];
  for (const index of range(1, count)) ids.unshift((await t.begin({}, `c${index}-${t.key}`)).conversationId);
  return ids;
}

row('R-LIST-1', 'the list has the own conversations, the latest activity first', async (t) => {
  const [third, second, first] = await conversations(t, 3);
  const foreign = expect(await t.rest(t.host).put(`/api/contracts/f-${t.key}`, { clientId: t.cleo, freelancerId: t.ben }), 201);
  expect(await t.rest(t.cleo).post('/api/messages', { contractId: foreign.id, content: 'Hi' }), 201);
  const list = async (user) => (await t.rest(user).get(LIST)).body.items.map(({ id }) => id);
  assert.deepEqual(await list(t.ada), [third, second, first]);
  await t.say(t.ben, { path: `${LIST}/${first}` }, 'Up');
  assert.deepEqual(await list(t.ada), [first, third, second]);
  assert.deepEqual((await list(t.ben)).slice(0, 1), [first]);
  assert.deepEqual([(await list(t.ben)).length, (await list(t.cleo)).length], [4, 1]);
  expect(await t.rest(t.ada).patch(`${LIST}/${second}/read`), 200);
  assert.deepEqual(await list(t.ada), [first, third, second]);
});

row(['R-LIST-2', 'R-LIST-3'], 'pages of the list have their size and continue without gap or repeat', async (t) => {
  const ids = await conversations(t, 23);
  const get = async (query) => expect(await t.rest(t.ada).get(`${LIST}${query}`), 200, 'conversations_page');
  const first = await get('');
  assert.deepEqual(first.items.map(({ id }) => id), ids.slice(0, 20));
  const rest = await get(`?cursor=${encodeURIComponent(first.nextCursor)}`);
  assert.deepEqual([rest.items.map(({ id }) => id), rest.nextCursor], [ids.slice(20), null]);
  for (const limit of [1, 5, 22]) {
    const seen = [];
    for (let cursor = ''; cursor !== null;) {
      const page = await get(`?limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      assert.equal(page.items.length, Math.min(limit, 23 - seen.length));
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    assert.deepEqual(seen, ids, `by ${limit}`);
  }
  for (const limit of [23, 100]) assert.deepEqual([(await get(`?limit=${limit}`)).items.length, (await get(`?limit=${limit}`)).nextCursor], [23, null]);
  for (const limit of ['0', '101', '-1', '1.5', 'x', '', '99999999999999999999']) {
    expectProblem(await t.rest(t.ada).get(`${LIST}?limit=${limit}`), 400, 'validation_failed');
  }
});

row('R-LIST-4', 'a cursor that no page gave is validation_failed', async (t) => {
  await conversations(t, 2);
  const { nextCursor } = (await t.rest(t.ada).get(`${LIST}?limit=1`)).body;
  assert.equal(typeof nextCursor, 'string');
  for (const cursor of ['x', '%00', '{}', '%F0%9F%98%80', nextCursor.slice(1), `${nextCursor}x`, 'A'.repeat(5_000)]) {
    expectProblem(await t.rest(t.ada).get(`${LIST}?cursor=${cursor}`), 400, 'validation_failed');
  }
});

row('R-ONE-1', 'a conversation is read as the caller sees it', async (t) => {
  const c = await t.begin();
  const [byAda, byBen] = [await t.see(t.ada, c), await t.see(t.ben, c)];
  assert.deepEqual([byAda.unreadCount, byBen.unreadCount], [0, 1]);
  assert.deepEqual({ ...byAda, unreadCount: 1 }, byBen);
});

row(['R-BODY-4', 'R-BODY-3'], 'an attachment that nobody uploaded is not_found, and eleven are too many', async (t) => {
  const c = await t.begin();
  const ids = (count) => range(1, count).map((index) => ({ id: index.toString(16).padStart(24, '0') }));
  const post = (attachments) => t.rest(t.ada).post(`${c.path}/messages`, { content: 'Hi', attachments });
  for (const count of [1, 10]) expectProblem(await post(ids(count)), 404, 'not_found');
  expectProblem(await post(ids(11)), 400, 'validation_failed');
  expectProblem(await post([{ id: 'x' }]), 400, 'validation_failed');
  expectProblem(await t.rest(t.ada).post('/api/messages', { contractId: c.contractId, content: 'Hi', attachments: ids(1) }), 404, 'not_found');
  expect(await post([]), 201, 'message');
  assert.equal((await t.see(t.ada, c)).lastSeq, 2);
});

const MISTYPED = [
  { content: 7 }, { content: null }, { content: ['Hi'] }, { content: { text: 'Hi' } }, { content: true }, {},
  { content: 'Hi', clientMessageId: 7 }, { content: 'Hi', attachments: 'x' }, { content: 'Hi', attachments: [7] },
  { content: 'Hi', attachments: [{}] }, { content: 'Hi', attachments: [{ id: 7 }] }, { content: 'Hi', attachments: {} },
];

row('R-BODY-6', 'a field of the wrong type is validation_failed', async (t) => {
  const c = await t.begin();
  for (const body of MISTYPED) {
    expectProblem(await t.rest(t.ada).post(`${c.path}/messages`, body), 400, 'validation_failed');
    expectProblem(await t.rest(t.ada).post('/api/messages', { contractId: c.contractId, ...body }), 400, 'validation_failed');
  }
  for (const body of [{ content: 'Hi' }, { contractId: 7, content: 'Hi' }, { contractId: c.contractId, milestoneId: 7, content: 'Hi' }]) {
    expectProblem(await t.rest(t.ada).post('/api/messages', body), 400, 'validation_failed');
  }
  for (const body of [{}, { content: 7 }, { content: null }]) {
    expectProblem(await t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, body), 400, 'validation_failed');
  }
  assert.deepEqual((await t.see(t.ada, c)).lastMessage, c.first);
});

rowOverSockets('R-BODY-6', 'a field of the wrong type is validation_failed in events', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  for (const body of MISTYPED) {
    await refused(ada, 'send_message', { conversationId: c.conversationId, ...body }, 'validation_failed');
    await refused(ada, 'create_message', { contractId: c.contractId, ...body }, 'validation_failed');
  }
  await done(ada, 'send_message', { conversationId: c.conversationId, content: 'Hi', attachments: [], clientMessageId: null });
});

rowOverSockets('R-BODY-4', 'an attachment that nobody uploaded is not_found in events', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  const draft = { content: 'Hi', attachments: [{ id: NOBODYS_ID }] };
  await refused(ada, 'send_message', { conversationId: c.conversationId, ...draft }, 'not_found');
  await refused(ada, 'create_message', { contractId: c.contractId, ...draft }, 'not_found');
});
