// Contracts and presence over REST, and what every call has in common.

import assert from 'node:assert/strict';

import { assertShape } from '../lib/golden.js';
import { http } from '../lib/http.js';
import { Rest, expect, expectProblem } from '../lib/rest.js';
import { apis, check, gateways, range, rest, scenario } from '../lib/scenario.js';

const contract = { clientId: 'ada', freelancerId: 'ben' };
const milestones = [{ id: 'm-1', title: 'First draft' }, { id: 'm-2' }];

scenario(async () => {
  await check('a contract is put by the host platform, and replaced whole', async () => {
    const put = (body) => rest('host').put('/api/contracts/c-1', body);
    const made = expect(await put({ ...contract, title: 'A website', milestones, unknown: 1 }), 201, 'contract');
    assert.deepEqual(made.milestones, [milestones[0], { id: 'm-2', title: null }]);
    assert.deepEqual([made.id, made.title, made.createdAt], ['c-1', 'A website', made.updatedAt]);
    const replaced = expect(await put({ ...contract, milestones }), 200, 'contract');
    assert.deepEqual([replaced.title, replaced.createdAt], [null, made.createdAt]);
    assert.deepEqual(expect(await rest('ben', 1).get('/api/contracts/c-1'), 200, 'contract'), replaced);
  });
  await check('nobody else may put one', async () => {
    for (const user of ['ada', 'ben', 'cleo']) {
      expectProblem(await rest(user).put('/api/contracts/c-1', contract), 403, 'forbidden');
    }
  });
  await check('its users and the host platform may read it', async () => {
    for (const user of ['ada', 'ben', 'host']) expect(await rest(user, 1).get('/api/contracts/c-1'), 200, 'contract');
    expectProblem(await rest('cleo').get('/api/contracts/c-1'), 404, 'not_found');
    expectProblem(await rest('ada').get('/api/contracts/c-9'), 404, 'not_found');
  });
  await check('a contract that is not valid is refused with the fields', async () => {
    const put = (id, body) => rest('host').put(`/api/contracts/${id}`, body);
    const bad = [
      ['c-2', { clientId: 'ada', freelancerId: 'ada' }, ['freelancerId']],
      ['c-2', { clientId: 'a b', freelancerId: '' }, ['clientId', 'freelancerId']],
      ['c-2', { ...contract, milestones: [{ id: 'm' }, { id: 'm' }] }, ['milestones[1].id']],
      ['c.2', contract, ['id']],
    ];
    for (const [id, body, fields] of bad) {
      const problem = expectProblem(await put(id, body), 400, 'validation_failed');
      assert.deepEqual(problem.errors.map(({ field }) => field), fields, JSON.stringify(body));
    }
    for (const body of [{ clientId: 'ada' }, { ...contract, freelancerId: 7 }, { ...contract, milestones: [{}] }]) {
      expectProblem(await put('c-2', body), 400, 'validation_failed');
    }
  });
  await check('what a conversation hangs on cannot go', async () => {
    const sent = await rest('ada').post('/api/messages', { contractId: 'c-1', milestoneId: 'm-1', content: 'Hi' });
    expect(sent, 201, 'message');
    const put = (body) => rest('host', 1).put('/api/contracts/c-1', body);
    expectProblem(await put({ ...contract, freelancerId: 'cleo', milestones }), 409, 'conflict');
    expectProblem(await put({ ...contract, milestones: [{ id: 'm-2' }] }), 409, 'conflict');
    expect(await put({ ...contract, milestones: [{ id: 'm-1' }] }), 200, 'contract');
  });
  await check('presence is shown of oneself and of who shares a contract', presence);
  await check('no token, no answer', noToken);
  await check('paths, methods, bodies and types that nobody knows have their problem', strangeRequests);
  await check('health and metrics need no token, on every process', async () => {
    for (const url of [...apis, ...gateways]) {
      for (const path of ['/health/live', '/health/ready', '/metrics']) {
        assert.equal((await http(url + path)).status, 200, url + path);
      }
      assert.match((await http(`${url}/metrics`)).text, /^# TYPE fh_/m);
    }
    for (const url of gateways) expectProblem(await new Rest(url).get('/nothing'), 404, 'not_found');
  });
});

async function presence() {
  const { items } = expect(await rest('ada').get('/api/presence?userIds=ada,ben,cleo,nobody'), 200, 'presence_list');
  assert.deepEqual(items.map(({ userId, status, lastSeenAt }) => [userId, status, lastSeenAt]), [
    ['ada', 'offline', null],
    ['ben', 'offline', null],
  ]);
  const many = range(1, 101).map((index) => `u-${index}`);
  expect(await rest('ada').get(`/api/presence?userIds=${many.slice(1)}`), 200, 'presence_list');
  for (const query of ['', '?userIds=', `?userIds=${many}`, '?userIds=a%20b']) {
    expectProblem(await rest('ada').get(`/api/presence${query}`), 400, 'validation_failed');
  }
}

async function noToken() {
  const calls = [
    ['GET', '/api/messages/conversations'], ['POST', '/api/messages'], ['GET', '/api/presence?userIds=ada'],
    ['GET', '/api/contracts/c-1'], ['PUT', '/api/contracts/c-1'],
  ];
  for (const [method, path] of calls) {
    for (const caller of [new Rest(apis[0]), rest('forged'), rest('expired'), new Rest(apis[0], 'no token')]) {
      const answer = await caller.call(method, path);
      expectProblem(answer, 401, 'unauthorized');
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    }
  }
}

async function strangeRequests() {
  const ada = rest('ada');
  const post = (body, type = 'application/json') =>
    ada.send('POST', '/api/messages', { body, headers: type === null ? {} : { 'content-type': type } });
  expectProblem(await ada.get('/api/nothing'), 404, 'not_found');
  expectProblem(await ada.get('/api/messages/conversations/x/y'), 404, 'not_found');
  for (const [method, path] of [['DELETE', '/api/messages'], ['PUT', '/api/presence'], ['PATCH', '/api/contracts/c-1']]) {
    const answer = await ada.call(method, path);
    expectProblem(answer, 405, 'method_not_allowed');
    assert.ok(answer.headers.get('allow'), 'it says which methods there are');
  }
  const draft = JSON.stringify({ contractId: 'c-1', content: 'Hi' });
  for (const type of ['text/plain', 'multipart/form-data', null]) {
    expectProblem(await post(new TextEncoder().encode(draft), type), 415, 'unsupported_media_type');
  }
  expect(await post(draft, 'application/json; charset=utf-8'), 201, 'message');
  for (const body of ['', '{', 'null', '[]', '"text"', `${draft}x`, '[['.repeat(5_000), new Uint8Array([0x7b, 0xff, 0x7d])]) {
    expectProblem(await post(body), 400, 'validation_failed');
  }
  const big = JSON.stringify({ contractId: 'c-1', content: 'x'.repeat(128 << 10) });
  expectProblem(await post(big), 413, 'payload_too_large');
  assertShape('problem', (await http(`${apis[0]}/api/messages`, { method: 'TRACE' })).body);
}
