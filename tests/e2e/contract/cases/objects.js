// Messages, contracts, conversations and read marks as they are shown.

import assert from 'node:assert/strict';

import { assertShape } from '../../lib/golden.js';
import { row, rowOverSockets } from '../table.js';
import { done, expect, expectProblem, range } from '../world.js';

row('R-MSG-1', 'a message has its fields, and null where there is nothing', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  for (const [more, milestoneId, clientMessageId] of [[{}, null, null], [{ milestoneId: 'm-1', clientMessageId: 'x-1' }, 'm-1', 'x-1'], [{ milestoneId: null, clientMessageId: null, attachments: null }, null, null]]) {
    const sent = expect(await t.rest(t.ben).post('/api/messages', { contractId: t.contractId, content: 'Hi', ...more }), 201, 'message');
    const { id, conversationId, createdAt, seq, ...rest } = sent;
    assert.ok(id && conversationId && createdAt && seq >= 1);
    const nothing = { attachments: [], editedAt: null, deletedAt: null };
    assert.deepEqual(rest, { contractId: t.contractId, milestoneId, clientMessageId, senderId: t.ben, content: 'Hi', ...nothing });
  }
});

row('R-MSG-2', 'seq has no gap and no repeat, whoever sends through whichever replica', async (t) => {
  const c = await t.begin();
  const clients = [await t.connect(t.ada, { dialect: 'plain' }), await t.connect(t.ben, { dialect: 'websocket' })];
  const byRest = range(1, 60).map((index) => t.say(index % 2 ? t.ada : t.ben, c, `Rest ${index}`));
  const bySocket = range(1, 30).map(async (index) =>
    (await done(clients[index % 2], 'send_message', { conversationId: c.conversationId, content: `Socket ${index}` })).message);
  const seqs = (await Promise.all([...byRest, ...bySocket])).map(({ seq }) => seq).sort((a, b) => a - b);
  assert.deepEqual(seqs, range(2, 91));
});

rowOverSockets('R-MSG-3', 'clientMessageId is what was given, or null', async (t) => {
  const c = await t.begin();
  const ada = await t.joined(t.ada, c);
  for (const [seq, given, shown] of [[2, 'A_b-9', 'A_b-9'], [3, undefined, null], [4, null, null]]) {
    const data = { conversationId: c.conversationId, content: 'Hi', clientMessageId: given };
    assert.equal((await done(ada, 'send_message', data)).message.clientMessageId, shown);
    assert.equal((await ada.message(seq)).clientMessageId, shown);
  }
});

rowOverSockets('R-MSG-4', 'a message is the same in answer, acknowledgement, event and history', async (t) => {
  const c = await t.begin();
  const [ada, ben] = [await t.joined(t.ada, c), await t.joined(t.ben, c)];
  const { message } = await done(ada, 'send_message', { conversationId: c.conversationId, content: ' By socket ', clientMessageId: 'one' });
  const sent = await t.say(t.ben, c, '\tBy REST\n', { clientMessageId: 'two' });
  for (const client of [ada, ben]) assert.deepEqual([await client.message(2), await client.message(3)], [message, sent]);
  const { items } = expect(await t.rest(t.ada).get(`${c.path}/messages`), 200, 'history_page');
  assert.deepEqual(items, [c.first, message, sent]);
  assert.deepEqual((await t.see(t.ben, c)).lastMessage, sent);
  const late = await t.connect(t.ben);
  await done(late, 'join_conversation', { conversationId: c.conversationId, afterSeq: 0 });
  assert.deepEqual(late.all('new_message'), items);
});

row('R-CON-1', 'a contract has its fields, titles being null and milestones empty where they were not given', async (t) => {
  const bare = await t.contract();
  assert.deepEqual([bare.id, bare.clientId, bare.freelancerId, bare.title, bare.milestones], [t.contractId, t.ada, t.ben, null, []]);
  const milestones = [{ id: 'm-1', title: 'Ein Entwurf 😀' }, { id: 'm-2' }, { id: 'm-3', title: null }];
  const full = await t.contract({ title: 'A website', milestones }, `full-${t.key}`);
  assert.deepEqual([full.title, full.milestones], ['A website', [milestones[0], { id: 'm-2', title: null }, milestones[2]]]);
  for (const user of [t.ada, t.ben]) assert.deepEqual((await t.rest(user).get(`/api/contracts/full-${t.key}`)).body, full);
});

row('R-CON-2', 'a put replaces all of a contract', async (t) => {
  const path = `/api/contracts/${t.contractId}`;
  await t.contract({ title: 'Old', milestones: [{ id: 'm-1', title: 'One' }, { id: 'm-2', title: 'Two' }] });
  const body = { clientId: t.ada, freelancerId: t.cleo, milestones: [{ id: 'm-2' }, { id: 'm-3' }] };
  const replaced = expect(await t.rest(t.host).put(path, body), 200, 'contract');
  assert.deepEqual([replaced.freelancerId, replaced.title, replaced.milestones], [t.cleo, null, [{ id: 'm-2', title: null }, { id: 'm-3', title: null }]]);
  assert.deepEqual(expect(await t.rest(t.cleo).get(path), 200), replaced);
  expectProblem(await t.rest(t.ben).get(path), 404, 'not_found');
  const { milestones } = expect(await t.rest(t.host).put(path, { clientId: t.ada, freelancerId: t.ben }), 200, 'contract');
  assert.deepEqual(milestones, []);
});

row('R-CON-3', 'a contract of a user with himself is refused', async (t) => {
  const body = { clientId: t.ada, freelancerId: t.ada };
  expectProblem(await t.rest(t.host).put(`/api/contracts/${t.contractId}`, body), 400, 'validation_failed');
  expectProblem(await t.rest(t.host).get(`/api/contracts/${t.contractId}`), 404, 'not_found');
});

row('R-CON-4', 'a party cannot change once there is a conversation', async (t) => {
  const put = (clientId, freelancerId) =>
    t.rest(t.host).put(`/api/contracts/${t.contractId}`, { clientId, freelancerId, milestones: [{ id: 'm-1' }] });
  expect(await put(t.ada, t.cleo), 201);
  expect(await put(t.ben, t.ada), 200);
  expect(await put(t.ada, t.ben), 200);
  expect(await t.rest(t.ada).post('/api/messages', { contractId: t.contractId, milestoneId: 'm-1', content: 'Hi' }), 201);
  for (const parties of [[t.ada, t.cleo], [t.cleo, t.ben], [t.ben, t.ada], ['x', 'y']]) expectProblem(await put(...parties), 409, 'conflict');
  const kept = expect(await put(t.ada, t.ben), 200, 'contract');
  assert.deepEqual([kept.clientId, kept.freelancerId], [t.ada, t.ben]);
});

row('R-CON-5', 'a milestone with a conversation cannot go, others can', async (t) => {
  const ids = (...names) => names.map((id) => ({ id }));
  const put = (milestones, title) =>
    t.rest(t.host).put(`/api/contracts/${t.contractId}`, { clientId: t.ada, freelancerId: t.ben, milestones, title });
  expect(await put(ids('m-1', 'm-2', 'm-3')), 201);
  expect(await t.rest(t.ben).post('/api/messages', { contractId: t.contractId, milestoneId: 'm-2', content: 'Hi' }), 201);
  for (const milestones of [ids('m-1', 'm-3'), [], undefined]) expectProblem(await put(milestones, 'New'), 409, 'conflict');
  assert.equal((await t.rest(t.ada).get(`/api/contracts/${t.contractId}`)).body.title, null);
  const left = expect(await put(ids('m-2')), 200, 'contract');
  assert.deepEqual(left.milestones.map(({ id }) => id), ['m-2']);
  expectProblem(await t.rest(t.ben).post('/api/messages', { contractId: t.contractId, milestoneId: 'm-1', content: 'Hi' }), 404, 'not_found');
});

row('R-CON-6', 'createdAt stays and updatedAt moves when a contract is replaced', async (t) => {
  const made = await t.contract();
  assert.equal(made.createdAt, made.updatedAt);
  let replaced;
  do replaced = expect(await t.rest(t.host).put(`/api/contracts/${t.contractId}`, { clientId: t.ada, freelancerId: t.ben, title: 'New' }), 200);
  while (Date.parse(made.updatedAt) + 2 > Date.now());
  assert.equal(replaced.createdAt, made.createdAt);
  const again = expect(await t.rest(t.host).put(`/api/contracts/${t.contractId}`, { clientId: t.ada, freelancerId: t.ben }), 200);
  assert.ok(Date.parse(again.updatedAt) > Date.parse(made.updatedAt), `${again.updatedAt} after ${made.updatedAt}`);
});

row('R-CONV-1', 'a conversation has its fields, the client and the freelancer being its participants', async (t) => {
  const c = await t.begin();
  for (const user of [t.ada, t.ben]) {
    const seen = await t.see(user, c);
    const { items } = expect(await t.rest(user).get('/api/messages/conversations'), 200, 'conversations_page');
    assert.deepEqual(items, [seen]);
    assert.deepEqual(seen, {
      id: c.conversationId, contractId: c.contractId, milestoneId: null,
      participants: [
        { userId: t.ada, role: 'client', readSeq: 0, unreadCount: 0, readAt: null },
        { userId: t.ben, role: 'freelancer', readSeq: 0, unreadCount: 1, readAt: null },
      ],
      lastSeq: 1, lastMessage: c.first, unreadCount: user === t.ben ? 1 : 0,
      createdAt: seen.createdAt, updatedAt: c.first.createdAt,
    });
  }
});

row(['R-CONV-2', 'R-CONV-4'], 'the last message and updatedAt move with each message', async (t) => {
  const c = await t.begin();
  const created = (await t.see(t.ada, c)).createdAt;
  for (const user of [t.ben, t.ada, t.ada]) {
    const sent = await t.say(user, c, 'Next');
    for (const reader of [t.ada, t.ben]) {
      const { lastSeq, lastMessage, updatedAt, createdAt } = await t.see(reader, c);
      assert.deepEqual([lastSeq, lastMessage, updatedAt, createdAt], [sent.seq, sent, sent.createdAt, created]);
    }
  }
  await t.rest(t.ben).patch(`${c.path}/read`);
  const { updatedAt, lastMessage } = await t.see(t.ben, c);
  assert.equal(updatedAt, lastMessage.createdAt);
});

row('R-CONV-3', 'the outer unreadCount is that of the caller', async (t) => {
  const c = await t.begin();
  for (const user of [t.ben, t.ben, t.ada]) await t.say(user, c, 'Hi');
  assert.deepEqual([(await t.see(t.ada, c)).unreadCount, (await t.see(t.ben, c)).unreadCount], [2, 2]);
  await t.rest(t.ben).patch(`${c.path}/read`, { upToSeq: 1 });
  assert.deepEqual([(await t.see(t.ada, c)).unreadCount, (await t.see(t.ben, c)).unreadCount], [2, 1]);
});

row('R-CONV-5', 'an edit or a deletion shows in lastMessage and is no activity', async (t) => {
  const c = await t.begin();
  const other = await t.begin({}, `d-${t.key}`);
  const sent = await t.say(t.ben, c, 'Helo');
  await t.say(t.ada, other, 'Later');
  const before = (await t.see(t.ada, c)).updatedAt;
  const edited = expect(await t.rest(t.ben).patch(`${c.path}/messages/${sent.id}`, { content: 'Hello' }), 200, 'message');
  let seen = await t.see(t.ada, c);
  assert.deepEqual([seen.lastMessage, seen.updatedAt], [edited, before]);
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, { content: 'Not the last' }), 200);
  assert.deepEqual((await t.see(t.ben, c)).lastMessage, edited);
  const deleted = expect(await t.rest(t.ben).delete(`${c.path}/messages/${sent.id}`), 200, 'message');
  seen = await t.see(t.ada, c);
  assert.deepEqual([seen.lastMessage, seen.updatedAt, seen.lastSeq], [deleted, before, 2]);
  const { items } = expect(await t.rest(t.ada).get('/api/messages/conversations'), 200, 'conversations_page');
  assert.deepEqual(items.map(({ id }) => id), [other.conversationId, c.conversationId]);
});

row(['R-READ-1', 'R-READ-3', 'R-READ-7'], 'unread is what the other sent above readSeq, and sending marks nothing', async (t) => {
  const c = await t.begin();
  for (const user of [t.ben, t.ada, t.ben, t.ben, t.ada, t.ada]) await t.say(user, c, 'Hi');
  // ada: 1, 3, 6, 7; ben: 2, 4, 5
  const marks = async () => (await t.see(t.ada, c)).participants.map(({ readSeq, unreadCount }) => [readSeq, unreadCount]);
  assert.deepEqual(await marks(), [[0, 3], [0, 4]]);
  for (const [user, upToSeq, expected] of [
    [t.ben, 1, [[0, 3], [1, 3]]], [t.ben, 2, [[0, 3], [2, 3]]], [t.ben, 5, [[0, 3], [5, 2]]], [t.ada, 4, [[4, 1], [5, 2]]],
    [t.ada, 7, [[7, 0], [5, 2]]], [t.ben, 7, [[7, 0], [7, 0]]],
  ]) {
    expect(await t.rest(user).patch(`${c.path}/read`, { upToSeq }), 200, 'read_receipt');
    assert.deepEqual(await marks(), expected, `${user} ${upToSeq}`);
  }
  await t.say(t.ben, c, 'Hi');
  assert.deepEqual(await marks(), [[7, 1], [7, 0]]);
});

row('R-READ-2', 'deleted messages count as unread', async (t) => {
  const c = await t.begin();
  const sent = await t.say(t.ada, c, 'Oops');
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${sent.id}`), 200);
  assert.equal((await t.see(t.ben, c)).unreadCount, 2);
  expect(await t.rest(t.ben).patch(`${c.path}/read`, { upToSeq: 1 }), 200);
  assert.equal((await t.see(t.ben, c)).unreadCount, 1);
});

rowOverSockets('R-READ-3', 'own messages are never unread, over a socket', async (t) => {
  const c = await t.begin();
  const ben = await t.connect(t.ben);
  const { message } = await done(ben, 'send_message', { conversationId: c.conversationId, content: 'Hi' });
  assert.equal(message.seq, 2);
  assert.deepEqual((await t.see(t.ben, c)).participants.map(({ readSeq, unreadCount }) => [readSeq, unreadCount]), [[0, 1], [0, 1]]);
});

const read = async (t, user, c, body) => expect(await t.rest(user).patch(`${c.path}/read`, body), 200, 'read_receipt');

row(['R-READ-4', 'R-READ-5', 'R-READ-6'], 'a read mark only grows, never past the last message, and readAt with it', async (t) => {
  const c = await t.begin();
  for (const seq of range(2, 6)) await t.say(t.ada, c, `Number ${seq}`);
  const nothing = await read(t, t.ben, c, { upToSeq: 0 });
  assert.deepEqual([nothing.readSeq, nothing.unreadCount, nothing.readAt], [0, 6, null]);
  const third = await read(t, t.ben, c, { upToSeq: 3 });
  assert.deepEqual([third.readSeq, third.unreadCount], [3, 3]);
  for (const upToSeq of [0, 1, 2, 3]) assert.deepEqual(await read(t, t.ben, c, { upToSeq }), third);
  const all = await read(t, t.ben, c, { upToSeq: 1_000_000 });
  assert.deepEqual([all.readSeq, all.unreadCount], [6, 0]);
  assert.ok(Date.parse(all.readAt) >= Date.parse(third.readAt));
  for (const body of [{ upToSeq: 7 }, { upToSeq: Number.MAX_SAFE_INTEGER }, { upToSeq: 3 }, {}, undefined]) {
    assert.deepEqual(await read(t, t.ben, c, body), all);
  }
  assert.equal((await t.see(t.ada, c)).participants[1].readAt, all.readAt);
  await t.say(t.ada, c, 'Number 7');
  assert.deepEqual([(await t.see(t.ben, c)).unreadCount, (await t.see(t.ben, c)).participants[1].readSeq], [1, 6]);
});

rowOverSockets(['R-READ-4', 'R-READ-5', 'R-READ-6'], 'a read mark only grows, over a socket', async (t) => {
  const c = await t.begin();
  const ben = await t.connect(t.ben);
  const { conversationId } = c;
  const nothing = await done(ben, 'mark_as_read', { conversationId, upToSeq: 0 });
  assert.deepEqual([nothing.readSeq, nothing.unreadCount, nothing.readAt], [0, 1, null]);
  const all = await done(ben, 'mark_as_read', { conversationId, upToSeq: 99 });
  assert.deepEqual([all.readSeq, all.unreadCount], [1, 0]);
  for (const upToSeq of [0, 1, 2]) {
    const again = await done(ben, 'mark_as_read', { conversationId, upToSeq });
    assert.deepEqual([again.readSeq, again.readAt], [1, all.readAt]);
  }
});

row('R-READ-4', 'of marks that race, the largest stays', async (t) => {
  const c = await t.begin();
  for (const seq of range(2, 20)) await t.say(t.ada, c, `Number ${seq}`);
  const receipts = await Promise.all(range(1, 20).map((seq) => read(t, t.ben, c, { upToSeq: (seq * 7) % 20 + 1 })));
  for (const receipt of receipts) assertShape('read_receipt', receipt);
  assert.deepEqual((await t.see(t.ben, c)).participants[1].readSeq, 20);
});
