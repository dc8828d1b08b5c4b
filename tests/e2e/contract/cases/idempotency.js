// The same message again.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { done, expect, expectProblem, range, refused } from '../world.js';

row('R-IDEM-1', 'clientMessageId has 1 to 64 of its characters', async (t) => {
  const c = await t.begin();
  for (const clientMessageId of ['a', '-', '_', '0', 'Z9-_'.repeat(16)]) {
    assert.equal((await t.say(t.ada, c, 'Hi', { clientMessageId })).clientMessageId, clientMessageId);
  }
  for (const clientMessageId of ['', 'x'.repeat(65), 'a b', 'a.b', 'ä', 'a\n', ' a', 7]) {
    expectProblem(await t.rest(t.ada).post(`${c.path}/messages`, { content: 'Hi', clientMessageId }), 400, 'validation_failed');
  }
  assert.equal((await t.see(t.ada, c)).lastSeq, 6);
});

row('R-IDEM-2', 'a repeat gets the first message back, by 200', async (t) => {
  await t.contract();
  const draft = { content: 'Once', clientMessageId: 'once' };
  const create = () => t.rest(t.ada).post('/api/messages', { contractId: t.contractId, ...draft });
  const sent = expect(await create(), 201, 'message');
  const path = `/api/messages/conversations/${sent.conversationId}`;
  for (const again of [await create(), await create(), await t.rest(t.ada).post(`${path}/messages`, draft), await t.rest(t.ada).post(`${path}/messages`, { ...draft, content: ' Once\n' })]) {
    assert.deepEqual(expect(again, 200, 'message'), sent);
  }
  assert.deepEqual((await t.rest(t.ben).get(`${path}/messages`)).body.items, [sent]);
  assert.equal((await t.see(t.ben, { path })).unreadCount, 1);
});

rowOverSockets(['R-IDEM-3', 'R-IDEM-2'], 'a repeat over a socket is acknowledged as a duplicate, wherever the first one went', async (t) => {
  const c = await t.begin();
  const [ada, elsewhere, ben] = [await t.joined(t.ada, c), await t.connect(t.ada), await t.joined(t.ben, c)];
  const draft = { conversationId: c.conversationId, content: 'Once', clientMessageId: 'once' };
  const first = await done(ada, 'send_message', draft);
  assert.ok(!first.duplicate);
  for (const client of [ada, elsewhere]) {
    const again = await done(client, 'send_message', draft);
    assert.deepEqual([again.duplicate, again.message], [true, first.message]);
    const created = await done(client, 'create_message', { contractId: c.contractId, content: 'Once', clientMessageId: 'once' });
    assert.deepEqual([created.duplicate, created.message], [true, first.message]);
  }
  const byRest = await t.rest(t.ada).post(`${c.path}/messages`, { content: 'Once', clientMessageId: 'once' });
  assert.deepEqual(expect(byRest, 200, 'message'), first.message);
  await done(ada, 'send_message', { conversationId: c.conversationId, content: 'Last' });
  for (const client of [ada, ben]) {
    await client.message(3);
    assert.deepEqual(client.seqs(), [2, 3], client.name);
  }
});

row('R-IDEM-4', 'of many repeats at once through every door, one is stored and delivered', async (t) => {
  const c = await t.begin();
  const watching = [await t.joined(t.ben, c, { dialect: 'plain' }), await t.joined(t.ben, c, { dialect: 'websocket' })];
  const outside = await t.connect(t.ben);
  const clients = [await t.connect(t.ada, { dialect: 'plain' }), await t.connect(t.ada, { dialect: 'websocket' })];
  for (const round of range(1, 3)) {
    const draft = { content: `Round ${round}`, clientMessageId: `round-${round}` };
    const answers = await Promise.all([
      ...range(1, 10).map(async (index) => (await done(clients[index % 2], 'send_message', { conversationId: c.conversationId, ...draft }))),
      ...range(1, 10).map(() => t.rest(t.ada).post(`${c.path}/messages`, draft)),
      ...range(1, 6).map(() => t.rest(t.ada).post('/api/messages', { contractId: c.contractId, ...draft })),
    ]);
    const firsts = answers.filter(({ ok, duplicate, status }) => (ok ? !duplicate : status === 201));
    assert.equal(firsts.length, 1);
    assert.equal(new Set(answers.map(({ message, body }) => (message ?? body).id)).size, 1);
    assert.deepEqual(answers.filter(({ ok, status }) => !ok && status !== 200 && status !== 201), []);
  }
  await t.say(t.ada, c, 'The last one');
  for (const client of watching) {
    await client.message(5);
    assert.deepEqual(client.seqs(), [2, 3, 4, 5]);
  }
  await outside.event('message_notification', ({ seq }) => seq === 5);
  assert.deepEqual(outside.seqs('message_notification'), [2, 3, 4, 5]);
});

row('R-IDEM-5', 'the same clientMessageId with another content is a conflict', async (t) => {
  const c = await t.begin();
  const sent = await t.say(t.ada, c, 'One', { clientMessageId: 'x' });
  for (const content of ['Two', 'one', 'One.']) {
    expectProblem(await t.rest(t.ada).post(`${c.path}/messages`, { content, clientMessageId: 'x' }), 409, 'conflict');
    expectProblem(await t.rest(t.ada).post('/api/messages', { contractId: c.contractId, content, clientMessageId: 'x' }), 409, 'conflict');
  }
  const race = await Promise.all(range(1, 8).map((index) => t.rest(t.ada).post(`${c.path}/messages`, { content: `${index % 2}`, clientMessageId: 'y' })));
  const stored = race.find(({ status }) => status === 201).body;
  for (const [index, answer] of race.entries()) {
    const isSame = `${(index + 1) % 2}` === stored.content;
    assert.ok(isSame ? answer.status <= 201 : answer.status === 409, `${answer.status} ${answer.text}`);
  }
  assert.deepEqual((await t.rest(t.ben).get(`${c.path}/messages`)).body.items, [c.first, sent, stored]);
});

rowOverSockets('R-IDEM-5', 'the same clientMessageId with another content is a conflict in events', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  const draft = { content: 'One', clientMessageId: 'x' };
  await done(ada, 'send_message', { conversationId: c.conversationId, ...draft });
  await refused(ada, 'send_message', { conversationId: c.conversationId, ...draft, content: 'Two' }, 'conflict');
  await refused(ada, 'create_message', { contractId: c.contractId, ...draft, content: 'Two' }, 'conflict');
});

row('R-IDEM-6', 'another sender and another conversation have clientMessageIds of their own', async (t) => {
  const [c, other] = [await t.begin(), await t.begin({ milestones: [{ id: 'm-1' }] }, `d-${t.key}`)];
  const more = { clientMessageId: 'x' };
  const sent = [
    await t.say(t.ada, c, 'By ada', more), await t.say(t.ben, c, 'By ben', more), await t.say(t.ada, other, 'Elsewhere', more),
    expect(await t.rest(t.ada).post('/api/messages', { contractId: other.contractId, milestoneId: 'm-1', content: 'At the milestone', ...more }), 201, 'message'),
  ];
  assert.deepEqual(sent.map(({ seq }) => seq), [2, 3, 2, 1]);
});

row('R-IDEM-2', 'a repeat after an edit or a deletion gets the message as it is now or as it was, and stores nothing', async (t) => {
  const c = await t.begin();
  const sent = await t.say(t.ada, c, 'Once', { clientMessageId: 'x' });
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${sent.id}`, { content: 'Changed' }), 200);
  const again = await t.rest(t.ada).post(`${c.path}/messages`, { content: 'Once', clientMessageId: 'x' });
  assert.equal(expect(again, 200, 'message').id, sent.id);
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${sent.id}`), 200);
  const last = await t.rest(t.ada).post(`${c.path}/messages`, { content: 'Once', clientMessageId: 'x' });
  assert.equal(expect(last, 200, 'message').id, sent.id);
  assert.equal((await t.see(t.ada, c)).lastSeq, 2);
});
