// Contracts, their conversations, and strangers.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { NOBODYS_ID, done, expect, expectProblem, range, refused } from '../world.js';

const LIST = '/api/messages/conversations';

row('R-BIND-1', 'a contract has any number of milestones', async (t) => {
  for (const count of [0, 1, 40]) {
    const milestones = range(1, count).map((index) => ({ id: `m-${index}`, title: `Part ${index}` }));
    const made = await t.contract({ milestones }, `c${count}-${t.key}`);
    assert.deepEqual([made.clientId, made.freelancerId, made.milestones], [t.ada, t.ben, milestones]);
  }
});

row('R-BIND-2', 'a contract and each milestone have separate conversations', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }, { id: 'm-2' }] });
  const places = [{}, { milestoneId: null }, { milestoneId: 'm-1' }, { milestoneId: 'm-2' }, { milestoneId: 'm-1' }];
  const sent = [];
  for (const place of places) {
    sent.push(expect(await t.rest(t.ben).post('/api/messages', { contractId: t.contractId, content: 'Hi', ...place }), 201, 'message'));
  }
  assert.deepEqual(sent.map(({ milestoneId, seq }) => [milestoneId, seq]), [[null, 1], [null, 2], ['m-1', 1], ['m-2', 1], ['m-1', 2]]);
  const ids = sent.map(({ conversationId }) => conversationId);
  assert.deepEqual([ids[0], ids[2], new Set(ids).size], [ids[1], ids[4], 3]);
  const { items } = expect(await t.rest(t.ada).get(LIST), 200, 'conversations_page');
  assert.deepEqual(items.map(({ id, milestoneId }) => [id, milestoneId]), [[ids[4], 'm-1'], [ids[3], 'm-2'], [ids[0], null]]);
});

row('R-BIND-3', 'racing first messages open one conversation', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  const clients = [
    await t.connect(t.ada, { dialect: 'plain', gateway: 0 }), await t.connect(t.ben, { dialect: 'websocket', gateway: 1 }),
  ];
  for (const milestoneId of [null, 'm-1']) {
    const draft = (index) => ({ contractId: t.contractId, milestoneId, content: `Number ${index}` });
    const byRest = range(1, 24).map(async (index) =>
      expect(await t.rest(index % 3 ? t.ada : t.ben).post('/api/messages', draft(index)), 201, 'message'));
    const bySocket = range(1, 12).map(async (index) => (await done(clients[index % 2], 'create_message', draft(index))).message);
    const sent = await Promise.all([...byRest, ...bySocket]);
    assert.equal(new Set(sent.map(({ conversationId }) => conversationId)).size, 1);
    assert.deepEqual(sent.map(({ seq }) => seq).sort((a, b) => a - b), range(1, 36));
  }
  assert.equal(expect(await t.rest(t.ben).get(LIST), 200).items.length, 2);
});

row('R-BIND-4', 'a conversation begins with its first message', async (t) => {
  await t.contract();
  for (const user of [t.ada, t.ben]) assert.deepEqual((await t.rest(user).get(LIST)).body, { items: [], nextCursor: null });
  const refusedDraft = { contractId: t.contractId, content: '' };
  expectProblem(await t.rest(t.ada).post('/api/messages', refusedDraft), 400, 'validation_failed');
  assert.deepEqual((await t.rest(t.ada).get(LIST)).body.items, []);
  const sent = expect(await t.rest(t.ada).post('/api/messages', { ...refusedDraft, content: 'Hi' }), 201, 'message');
  for (const user of [t.ada, t.ben]) {
    const { items } = (await t.rest(user).get(LIST)).body;
    assert.deepEqual(items.map(({ id, lastSeq }) => [id, lastSeq]), [[sent.conversationId, 1]]);
  }
});

const callsOf = (caller, path, messageId) => [
  caller.get(path), caller.get(`${path}/messages`), caller.get(`${path}/messages?after=0`), caller.post(`${path}/messages`, { content: 'Hi' }),
  caller.patch(`${path}/read`), caller.patch(`${path}/read`, { upToSeq: 1 }),
  caller.patch(`${path}/messages/${messageId}`, { content: 'Hi' }), caller.delete(`${path}/messages/${messageId}`),
];

row('R-BIND-5', 'every call of a stranger is not_found, whatever his role', async (t) => {
  const c = await t.begin();
  for (const user of [t.cleo, t.host, t.root]) {
    for (const answer of await Promise.all(callsOf(t.rest(user), c.path, c.first.id))) expectProblem(answer, 404, 'not_found');
    assert.deepEqual((await t.rest(user).get(LIST)).body.items, []);
  }
  const { lastSeq, lastMessage, participants } = await t.see(t.ada, c);
  assert.deepEqual([lastSeq, lastMessage, participants.map(({ readSeq }) => readSeq)], [1, c.first, [0, 0]]);
});

rowOverSockets('R-BIND-6', 'every event of a stranger is not_found', async (t) => {
  const c = await t.begin();
  const { conversationId } = c;
  const events = [
    ['join_conversation', {}], ['join_conversation', { afterSeq: 0 }], ['send_message', { content: 'Hi' }], ['typing', { isTyping: true }],
    ['mark_as_read', {}], ['edit_message', { messageId: c.first.id, content: 'Hi' }], ['delete_message', { messageId: c.first.id }],
  ];
  for (const user of [t.cleo, t.host]) {
    const client = await t.connect(user);
    for (const [event, data] of events) await refused(client, event, { conversationId, ...data }, 'not_found');
    await refused(client, 'create_message', { contractId: c.contractId, content: 'Hi' }, 'not_found');
    assert.deepEqual(client.all('new_message'), []);
  }
  assert.deepEqual((await t.see(t.ada, c)).lastMessage, c.first);
});

row('R-BIND-7', 'an id of nothing is answered exactly like one of others', async (t) => {
  const c = await t.begin();
  const others = await Promise.all(callsOf(t.rest(t.cleo), c.path, c.first.id));
  const nothings = await Promise.all(callsOf(t.rest(t.cleo), `${LIST}/${NOBODYS_ID}`, NOBODYS_ID));
  assert.deepEqual(nothings.map(({ status, body }) => [status, body]), others.map(({ status, body }) => [status, body]));
  const post = async (contractId) => (await t.rest(t.cleo).post('/api/messages', { contractId, content: 'Hi' })).body;
  assert.deepEqual(await post(`nothing-${t.key}`), await post(c.contractId));
  const get = async (id) => (await t.rest(t.cleo).get(`/api/contracts/${id}`)).body;
  assert.deepEqual(await get(`nothing-${t.key}`), await get(c.contractId));
});

rowOverSockets('R-BIND-7', 'an id of nothing is answered exactly like one of others in events', async (t) => {
  const c = await t.begin();
  const cleo = await t.connect(t.cleo);
  for (const [event, data] of [['join_conversation', {}], ['send_message', { content: 'Hi' }], ['typing', { isTyping: true }], ['mark_as_read', {}]]) {
    const of = (conversationId) => refused(cleo, event, { conversationId, ...data }, 'not_found');
    assert.deepEqual(await of(NOBODYS_ID), await of(c.conversationId));
  }
  const create = (contractId) => refused(cleo, 'create_message', { contractId, content: 'Hi' }, 'not_found');
  assert.deepEqual(await create(`nothing-${t.key}`), await create(c.contractId));
});
