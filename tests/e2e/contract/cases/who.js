// Who calls, and by which ids.

import assert from 'node:assert/strict';

import { http } from '../../lib/http.js';
import { Rest } from '../../lib/rest.js';
import { row, rowOverSockets } from '../table.js';
import { badTokens, inSeconds, sign } from '../tokens.js';
import { NOBODYS_ID, apis, done, expect, expectProblem, refused } from '../world.js';

const LIST = '/api/messages/conversations';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function* keysOf(value) {
  if (value === null || typeof value !== 'object') return;
  if (!Array.isArray(value)) yield* Object.keys(value);
  for (const inner of Object.values(value)) yield* keysOf(inner);
}

row('R-GEN-1', 'answers are JSON in UTF-8 with keys in camelCase', async (t) => {
  const c = await t.begin();
  const content = 'Grüße, 漢字, \u{1f600}, e\u0301, \u2028 and "quotes" \\ /';
  const sent = await t.rest(t.ben).post(`${c.path}/messages`, { content });
  assert.equal(expect(sent, 201).content, content);
  const raw = await http(`${apis[1]}${c.path}/messages`, { headers: { authorization: `Bearer ${t.token(t.ada)}` } });
  assert.equal(JSON.parse(raw.text).items[1].content, content);
  for (const path of [c.path, `${c.path}/messages`, LIST, `/api/contracts/${c.contractId}`, `/api/presence?userIds=${t.ada}`, '/api/nowhere']) {
    const answer = await t.rest(t.ada).get(path);
    assert.match(answer.type, /^application\/(problem\+)?json(; ?charset=utf-8)?$/i, path);
    for (const key of keysOf(answer.body)) assert.match(key, /^[a-z][a-zA-Z0-9]*$/, path);
  }
});

rowOverSockets('R-GEN-1', 'frames are JSON in UTF-8', async (t) => {
  const c = await t.begin();
  const content = 'Grüße, 漢字, \u{1f600}, e\u0301, \u2028 and "quotes" \\ /';
  const [ada, ben] = [await t.joined(t.ada, c), await t.joined(t.ben, c)];
  await done(ada, 'send_message', { conversationId: c.conversationId, content });
  assert.equal((await ben.message(2)).content, content);
});

rowOverSockets('R-GEN-2', 'times are in UTC with milliseconds, and about now', async (t) => {
  const c = await t.begin();
  const ben = await t.joined(t.ben, c);
  const { message } = await done(ben, 'send_message', { conversationId: c.conversationId, content: 'Now' });
  const { readAt } = await done(ben, 'mark_as_read', { conversationId: c.conversationId });
  const { createdAt, updatedAt } = await t.see(t.ada, c);
  const contract = (await t.rest(t.ada).get(`/api/contracts/${c.contractId}`)).body;
  for (const time of [message.createdAt, readAt, createdAt, updatedAt, contract.createdAt, contract.updatedAt, ben.hello.serverTime]) {
    assert.match(time, TIME);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
  }
});

row('R-GEN-3', 'unknown fields of bodies and queries are ignored', async (t) => {
  const unknown = { unknown: { deep: [1] }, __proto__x: null, seq: 99, senderId: 'somebody' };
  const put = { clientId: t.ada, freelancerId: t.ben, milestones: [{ id: 'm-1', unknown: 1 }], createdAt: 'long ago', ...unknown };
  expect(await t.rest(t.host).put(`/api/contracts/${t.contractId}`, put), 201, 'contract');
  const sent = expect(await t.rest(t.ada).post('/api/messages', { contractId: t.contractId, content: 'Hi', ...unknown }), 201, 'message');
  assert.deepEqual([sent.seq, sent.senderId], [1, t.ada]);
  const path = `${LIST}/${sent.conversationId}`;
  expect(await t.rest(t.ben).post(`${path}/messages`, { content: 'Hi', ...unknown }), 201, 'message');
  expect(await t.rest(t.ada).patch(`${path}/messages/${sent.id}`, { content: 'Ho', ...unknown }), 200, 'message');
  expect(await t.rest(t.ada).patch(`${path}/read`, unknown), 200, 'read_receipt');
  expect(await t.rest(t.ada).get(`${path}/messages?limit=1&unknown=1`), 200, 'history_page');
});

rowOverSockets('R-GEN-3', 'unknown fields of events are ignored', async (t) => {
  const c = await t.begin();
  const [ada, unknown] = [await t.connect(t.ada), { conversationId: c.conversationId, unknown: { deep: [1] }, seq: 99 }];
  await done(ada, 'join_conversation', unknown);
  assert.equal((await done(ada, 'send_message', { ...unknown, content: 'Hi' })).message.seq, 2);
  for (const event of ['typing', 'mark_as_read', 'leave_conversation']) await done(ada, event, { isTyping: true, ...unknown });
});

/** Every call that needs a token. */
const CALLS = [
  ['POST', '/api/messages'], ['GET', LIST], ['GET', `${LIST}/${NOBODYS_ID}`], ['GET', `${LIST}/${NOBODYS_ID}/messages`],
  ['POST', `${LIST}/${NOBODYS_ID}/messages`], ['PATCH', `${LIST}/${NOBODYS_ID}/read`],
  ['PATCH', `${LIST}/${NOBODYS_ID}/messages/${NOBODYS_ID}`], ['DELETE', `${LIST}/${NOBODYS_ID}/messages/${NOBODYS_ID}`],
  ['GET', '/api/presence?userIds=u'], ['PUT', '/api/contracts/c'], ['GET', '/api/contracts/c'],
];

row('R-AUTH-1', 'every call without a token is unauthorized', async () => {
  for (const [method, path] of CALLS) {
    for (const api of apis) expectProblem(await new Rest(api).call(method, path), 401, 'unauthorized');
  }
});

row(['R-AUTH-1', 'R-AUTH-6'], 'every bad token is unauthorized', async (t) => {
  for (const [fault, token] of Object.entries(badTokens(t.ada))) {
    const answer = await new Rest(apis[0], token).get(LIST);
    assert.deepEqual([answer.status, answer.body?.code], [401, 'unauthorized'], fault);
  }
});

row('R-AUTH-2', 'the header is Authorization: Bearer', async (t) => {
  const token = t.token(t.ada);
  expect(await new Rest(apis[0]).send('GET', LIST, { headers: { authorization: `Bearer ${token}` } }), 200);
  for (const value of [token, `Basic ${token}`, `Bearer${token}`, 'Bearer', 'Bearer ', `Bearer ${token} ${token}`]) {
    expectProblem(await new Rest(apis[0]).send('GET', LIST, { headers: { authorization: value } }), 401, 'unauthorized');
  }
});

row('R-AUTH-3', 'sub must be there and be a user id', async (t) => {
  const claims = { exp: inSeconds(600) };
  for (const sub of ['u'.repeat(64), '-', '_', '0', t.ada]) {
    expect(await new Rest(apis[1], sign({ ...claims, sub })).get(LIST), 200);
  }
  for (const sub of [undefined, null, '', 'u'.repeat(65), 'a.b', 'ä', 'a b', 7, ['a']]) {
    expectProblem(await new Rest(apis[1], sign({ ...claims, sub })).get(LIST), 401, 'unauthorized');
  }
});

row('R-AUTH-4', 'exp must be there and lie in the future', async (t) => {
  const get = (exp) => new Rest(apis[0], sign({ sub: t.ada, exp })).get(LIST);
  for (const exp of [inSeconds(3), inSeconds(10 * 365 * 86_400)]) expect(await get(exp), 200);
  for (const exp of [undefined, null, inSeconds(-1), 0, -1, 'soon', `${inSeconds(60)}`]) expectProblem(await get(exp), 401, 'unauthorized');
});

row('R-AUTH-5', 'role and name may be left out, and be there', async (t) => {
  const claims = { sub: t.ada, exp: inSeconds(600) };
  const given = [{}, { name: 'Ada Lovelace' }, ...['client', 'freelancer', 'admin', 'service'].map((role) => ({ role, name: 'Ädä' }))];
  for (const more of given) expect(await new Rest(apis[0], sign({ ...claims, ...more })).get(LIST), 200);
  expectProblem(await new Rest(apis[0], sign(claims)).put('/api/contracts/c', { clientId: 'a', freelancerId: 'b' }), 403, 'forbidden');
});

row('R-AUTH-7', 'another alg is refused even with a right signature', async (t) => {
  const claims = { sub: t.ada, exp: inSeconds(600) };
  expect(await new Rest(apis[0], sign(claims)).get(LIST), 200);
  for (const alg of ['HS384', 'HS512']) {
    expectProblem(await new Rest(apis[0], sign(claims, { alg })).get(LIST), 401, 'unauthorized');
  }
  for (const alg of ['hs256', 'RS256', 'ES256', 'EdDSA', '']) {
    expectProblem(await new Rest(apis[0], sign(claims, { alg, hash: 'sha256' })).get(LIST), 401, 'unauthorized');
  }
});

row('R-AUTH-8', 'alg none is refused in every spelling', async (t) => {
  for (const [fault, token] of Object.entries(badTokens(t.ada)).filter(([name]) => /none/i.test(name))) {
    for (const api of apis) {
      assert.equal((await new Rest(api, token).get(LIST)).status, 401, fault);
    }
  }
});

row('R-ID-1', 'ids of the platform are any 1 to 64 of their characters', async (t) => {
  const long = (letter) => `${letter}_-${t.key}`.padEnd(64, `${letter.toUpperCase()}9`);
  for (const [contractId, milestoneId, clientId, freelancerId] of [
    [long('c'), long('m'), long('a'), long('b')],
    [`-${t.key}`, '-', `_${t.key}`, `0${t.key}`],
    [`constructor-${t.key}`, '__proto__', `null-${t.key}`, `true-${t.key}`],
  ]) {
    const body = { clientId, freelancerId, milestones: [{ id: milestoneId }] };
    expect(await t.rest(t.host).put(`/api/contracts/${contractId}`, body), 201, 'contract');
    const sent = expect(await t.rest(clientId).post('/api/messages', { contractId, milestoneId, content: 'Hi' }), 201, 'message');
    assert.deepEqual([sent.contractId, sent.milestoneId, sent.senderId], [contractId, milestoneId, clientId]);
    const seen = expect(await t.rest(freelancerId).get(`${LIST}/${sent.conversationId}`), 200, 'conversation');
    assert.deepEqual(seen.participants.map(({ userId }) => userId), [clientId, freelancerId]);
  }
});

const BAD_IDS = ['x'.repeat(65), 'a.b', 'a b', 'ä', 'a$b', 'a*', '>', 'a\u0000b', 'a\nb'];

row('R-ID-2', 'ids of the platform in another form are validation_failed', async (t) => {
  const c = await t.begin();
  for (const id of BAD_IDS) {
    const path = `/api/contracts/${encodeURIComponent(id)}`;
    const body = { clientId: t.ada, freelancerId: t.ben };
    const answers = [
      await t.rest(t.host).put(path, body), await t.rest(t.ada).get(path),
      await t.rest(t.host).put(`/api/contracts/x-${t.key}`, { ...body, clientId: id }),
      await t.rest(t.host).put(`/api/contracts/x-${t.key}`, { ...body, freelancerId: id }),
      await t.rest(t.host).put(`/api/contracts/x-${t.key}`, { ...body, milestones: [{ id }] }),
      await t.rest(t.ada).post('/api/messages', { contractId: id, content: 'Hi' }),
      await t.rest(t.ada).post('/api/messages', { contractId: c.contractId, milestoneId: id, content: 'Hi' }),
      await t.rest(t.ada).get(`/api/presence?userIds=${encodeURIComponent(id)}`),
    ];
    for (const answer of answers) expectProblem(answer, 400, 'validation_failed');
  }
  const empty = { contractId: '', content: 'Hi' };
  expectProblem(await t.rest(t.ada).post('/api/messages', empty), 400, 'validation_failed');
  expectProblem(await t.rest(t.ada).post('/api/messages', { ...empty, contractId: c.contractId, milestoneId: '' }), 400, 'validation_failed');
});

rowOverSockets('R-ID-2', 'ids of the platform in another form are validation_failed in events', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  for (const id of ['', ...BAD_IDS]) {
    await refused(ada, 'create_message', { contractId: id, content: 'Hi' }, 'validation_failed');
    await refused(ada, 'create_message', { contractId: c.contractId, milestoneId: id, content: 'Hi' }, 'validation_failed');
    await refused(ada, 'get_presence', { userIds: [id] }, 'validation_failed');
  }
});

row('R-ID-3', 'ids of the service are 24 hexadecimal digits in lower case', async (t) => {
  const c = await t.begin({ milestones: [{ id: 'm-1' }] });
  const other = expect(await t.rest(t.ben).post('/api/messages', { contractId: c.contractId, milestoneId: 'm-1', content: 'Hi' }), 201);
  const ids = [c.conversationId, c.first.id, other.conversationId, other.id];
  for (const id of ids) assert.match(id, /^[0-9a-f]{24}$/);
  assert.equal(new Set(ids).size, 4);
});

/** An id as none must be written; `real` is one that is used. */
const badIds = (real) => [real.toUpperCase().replace(/\d$/, 'A'), real.slice(1), `${real}0`, `${real.slice(1)}g`, 'x', '%00', `${real.slice(1)}%20`];

row('R-ID-4', 'ids of the service in another form are validation_failed', async (t) => {
  const c = await t.begin();
  for (const bad of badIds(c.conversationId)) {
    const path = `${LIST}/${bad}`;
    const ada = t.rest(t.ada);
    const answers = [
      await ada.get(path), await ada.get(`${path}/messages`), await ada.post(`${path}/messages`, { content: 'Hi' }),
      await ada.patch(`${path}/read`), await ada.patch(`${path}/messages/${c.first.id}`, { content: 'Hi' }), await ada.delete(`${path}/messages/${c.first.id}`),
    ];
    for (const answer of answers) expectProblem(answer, 400, 'validation_failed');
  }
  for (const bad of badIds(c.first.id)) {
    expectProblem(await t.rest(t.ada).patch(`${c.path}/messages/${bad}`, { content: 'Hi' }), 400, 'validation_failed');
    expectProblem(await t.rest(t.ada).delete(`${c.path}/messages/${bad}`), 400, 'validation_failed');
  }
});

rowOverSockets('R-ID-4', 'ids of the service in another form are validation_failed in events', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  const data = { content: 'Hi', isTyping: true, messageId: c.first.id };
  const events = ['join_conversation', 'leave_conversation', 'send_message', 'edit_message', 'delete_message', 'typing', 'mark_as_read'];
  for (const conversationId of [badIds(c.conversationId)[0], badIds(c.conversationId)[1], 'x', '']) {
    for (const event of events) await refused(ada, event, { ...data, conversationId }, 'validation_failed');
  }
  for (const messageId of badIds(c.first.id).slice(0, 2)) {
    await refused(ada, 'edit_message', { ...data, conversationId: c.conversationId, messageId }, 'validation_failed');
    await refused(ada, 'delete_message', { conversationId: c.conversationId, messageId }, 'validation_failed');
  }
});
