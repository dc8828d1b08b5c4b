// Who is online: asked for, and told. The grace is short in the second group, the default in the first.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { done, excepted, expect, expectProblem, range, refused } from '../world.js';

const ask = async (t, user, ids) => expect(await t.rest(user).get(`/api/presence?userIds=${ids}`), 200, 'presence_list').items;
const statuses = (items) => Object.fromEntries(items.map(({ userId, status }) => [userId, status]));
const told = (client) => client.all('user_presence').map(({ userId, status }) => `${userId} ${status}`);

row(['R-PRES-1', 'R-PRES-2'], 'presence is shown of oneself and of who shares a contract', async (t) => {
  await t.contract();
  const before = await ask(t, t.ada, [t.ada, t.ben, t.cleo, `nobody-${t.key}`]);
  assert.deepEqual(before.map(({ userId, status, lastSeenAt }) => [userId, status, lastSeenAt]).sort(), [[t.ada, 'offline', null], [t.ben, 'offline', null]]);
  await t.connect(t.ben);
  await t.connect(t.cleo);
  assert.deepEqual(statuses(await ask(t, t.ada, [t.ben, t.cleo])), { [t.ben]: 'online' });
  assert.deepEqual(statuses(await ask(t, t.cleo, [t.ada, t.ben, t.cleo])), { [t.cleo]: 'online' });
  assert.deepEqual(statuses(await ask(t, t.ben, [t.ada, t.ben])), { [t.ada]: 'offline', [t.ben]: 'online' });
  assert.deepEqual(await ask(t, t.ada, [t.cleo]), []);
  assert.deepEqual(statuses(await ask(t, t.host, [t.ada, t.ben])), {});
});

const BAD_LISTS = ['', 'userIds=', 'userIds=,', 'userIds=a,', 'userIds=a%20b', 'userIds=a.b', `userIds=${'x'.repeat(65)}`, `userIds=${range(1, 101).map((index) => `u-${index}`)}`];

row('R-PRES-3', '1 to 100 well-formed ids may be asked for', async (t) => {
  await ask(t, t.ada, range(1, 100).map((index) => `u-${index}`));
  await ask(t, t.ada, ['x'.repeat(64)]);
  for (const query of BAD_LISTS) expectProblem(await t.rest(t.ada).get(`/api/presence?${query}`), 400, 'validation_failed');
});

rowOverSockets('R-WHO-1', 'get_presence follows the rules of REST', async (t) => {
  await t.contract();
  const ada = await t.connect(t.ada);
  const ids = [t.ada, t.ben, t.cleo];
  assert.deepEqual(statuses((await done(ada, 'get_presence', { userIds: ids })).items), { [t.ada]: 'online', [t.ben]: 'offline' });
  const { items } = await done(ada, 'get_presence', { userIds: [t.ada] });
  assert.deepEqual(items, [{ userId: t.ada, status: 'online', lastSeenAt: null }]);
  await done(ada, 'get_presence', { userIds: range(1, 100).map((index) => `u-${index}`) });
  const bad = [[], range(1, 101).map((index) => `u-${index}`), ['a b'], [7], 'ada', null, undefined];
  for (const userIds of bad) await refused(ada, 'get_presence', { userIds }, 'validation_failed');
  await excepted(ada, 'get_presence', { userIds: [] }, 'validation_failed');
});

rowOverSockets(['R-UP-1', 'R-UP-2', 'R-UP-3', 'R-UP-4', 'R-PRES-4'], 'each change of a user is told once to who shares a contract', async (t) => {
  const grace = 600;
  await t.contract();
  await t.contract({ freelancerId: t.cleo }, `d-${t.key}`);
  const watching = [await t.connect(t.ada), await t.connect(t.ada)];
  const stranger = await t.connect(t.cleo);
  const all = async (expected) => {
    for (const client of watching) {
      await client.until(`presence ${expected}`, () => told(client).filter((text) => text.startsWith(t.ben)).length >= expected.length);
      assert.deepEqual(told(client).filter((text) => text.startsWith(t.ben)), expected, client.name);
    }
  };
  const came = Date.now();
  const [here, there] = await Promise.all([t.connect(t.ben), t.connect(t.ben)]);
  await all([`${t.ben} online`]);
  assert.ok(watching[0].entries.at(-1).at - came < 2_000, 'it was not at once');
  assert.deepEqual(watching[0].all('user_presence').at(-1), { userId: t.ben, status: 'online', lastSeenAt: null });
  here.close();
  there.close();
  const back = await t.connect(t.ben);
  const went = Date.now();
  back.close();
  await all([`${t.ben} online`, `${t.ben} offline`]);
  const last = watching[0].entries.findLast(({ event }) => event === 'user_presence');
  assert.ok(last.at - went >= grace - 50 && last.at - went < grace + 5_000, `offline after ${last.at - went} ms`);
  assert.ok(Math.abs(Date.parse(last.data.lastSeenAt) - went) < 2_000, `last seen ${last.data.lastSeenAt}`);
  assert.deepEqual(await ask(t, t.ada, [t.ben]), [last.data]);
  const again = await t.connect(t.ben);
  await all([`${t.ben} online`, `${t.ben} offline`, `${t.ben} online`]);
  assert.deepEqual(statuses(await ask(t, t.ada, [t.ben])), { [t.ben]: 'online' });
  assert.deepEqual(told(stranger).filter((text) => text.startsWith(t.ben)), []);
  assert.deepEqual(told(again).filter((text) => text.startsWith(t.cleo)), []);
}, { group: 'small', slow: true });

row(['R-UP-3', 'R-SET-25'], 'offline comes 8 s after the last connection went', async (t) => {
  await t.contract();
  const ada = await t.connect(t.ada);
  const ben = await t.connect(t.ben);
  await ada.event('user_presence', ({ userId }) => userId === t.ben);
  const went = Date.now();
  ben.close();
  await ada.event('user_presence', ({ userId, status }) => userId === t.ben && status === 'offline');
  const passed = Date.now() - went;
  assert.ok(passed >= 7_900 && passed < 13_000, `after ${passed} ms`);
}, { slow: true });

row(['R-UP-4', 'R-UP-3'], 'who comes back within 8 s was never gone, and others hear nothing', async (t) => {
  await t.contract();
  const [ada, first] = [await t.connect(t.ada), await t.connect(t.ben, { gateway: 0 })];
  await ada.event('user_presence');
  first.close();
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const second = await t.connect(t.ben, { gateway: 1, dialect: 'plain' });
  // Longer than the grace after the first one went; then the end of the second is what must come next.
  await new Promise((resolve) => setTimeout(resolve, 5_500));
  second.close();
  await ada.event('user_presence', ({ status }) => status === 'offline');
  assert.deepEqual(told(ada), [`${t.ben} online`, `${t.ben} offline`]);
}, { slow: true });
