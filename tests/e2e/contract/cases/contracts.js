// Contracts over REST: who puts them, who reads them, and what they must look like.

import assert from 'node:assert/strict';

import { row } from '../table.js';
import { expect, expectProblem, range } from '../world.js';

row('R-PUT-1', 'a new contract is answered with 201, a replaced one with 200', async (t) => {
  const put = (user, body) => t.rest(user).put(`/api/contracts/${t.contractId}`, body);
  const parties = { clientId: t.ada, freelancerId: t.ben };
  expect(await put(t.host, parties), 201, 'contract');
  for (const more of [{}, { title: 'A title' }, { milestones: [{ id: 'm-1', title: 'One' }, { id: 'm-2' }] }, { title: null, milestones: [] }]) {
    expect(await put(t.root, { ...parties, ...more }), 200, 'contract');
  }
  const race = await Promise.all(range(1, 8).map(() => t.rest(t.host).put(`/api/contracts/race-${t.key}`, parties)));
  assert.deepEqual(race.map(({ status }) => status).sort(), [...Array(7).fill(200), 201]);
});

row('R-PUT-2', 'it takes the role service or admin', async (t) => {
  const body = { clientId: t.ada, freelancerId: t.ben };
  for (const [user, claims] of [[t.ada, {}], [t.ben, {}], [t.cleo, {}], [t.host, { role: undefined }], [t.host, { role: 'client' }], [t.host, { role: 'Service' }]]) {
    const caller = t.rest(user);
    caller.headers.authorization = `Bearer ${t.token(user, claims)}`;
    expectProblem(await caller.put(`/api/contracts/${t.contractId}`, body), 403, 'forbidden');
  }
  expectProblem(await t.rest(t.host).get(`/api/contracts/${t.contractId}`), 404, 'not_found');
  expect(await t.rest(t.root).put(`/api/contracts/${t.contractId}`, body), 201, 'contract');
});

row('R-PUT-3', 'a body that is no contract is validation_failed', async (t) => {
  const parties = { clientId: t.ada, freelancerId: t.ben };
  for (const body of [
    {}, { clientId: t.ada }, { freelancerId: t.ben }, { ...parties, clientId: null }, { ...parties, clientId: 7 }, { ...parties, freelancerId: '' },
    { ...parties, title: 7 }, { ...parties, milestones: {} }, { ...parties, milestones: [{}] }, { ...parties, milestones: ['m-1'] },
    { ...parties, milestones: [{ id: 'm-1' }, { id: 'm-1' }] }, { ...parties, milestones: [{ id: 'm-1', title: 7 }] }, [], 7, 'x', null,
  ]) expectProblem(await t.rest(t.host).put(`/api/contracts/${t.contractId}`, body), 400, 'validation_failed');
  expectProblem(await t.rest(t.host).get(`/api/contracts/${t.contractId}`), 404, 'not_found');
});

row(['R-GET-1', 'R-GET-2'], 'its two users, service and admin read a contract; to others there is none', async (t) => {
  const made = await t.contract({ title: 'A title', milestones: [{ id: 'm-1' }] });
  for (const user of [t.ada, t.ben, t.host, t.root]) {
    assert.deepEqual(expect(await t.rest(user).get(`/api/contracts/${t.contractId}`), 200, 'contract'), made);
  }
  expectProblem(await t.rest(t.cleo).get(`/api/contracts/${t.contractId}`), 404, 'not_found');
  for (const user of [t.ada, t.host, t.root]) expectProblem(await t.rest(user).get(`/api/contracts/no-${t.key}`), 404, 'not_found');
});
