// Who comes and goes, with several connections on both gateways. Argument: the grace in milliseconds.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { expect } from '../lib/rest.js';
import { check, connect, done, putContract, rest, scenario } from '../lib/scenario.js';

const grace = Number(process.argv[2]);

scenario(async () => {
  await putContract();
  const watching = [await connect('ada', 0), await connect('ada', 1, 'plain')];
  const stranger = await connect('cleo', 1);
  const told = (client) => client.all('user_presence').map(({ userId, status }) => `${userId} ${status}`);
  const all = async (expected) => {
    for (const client of watching) {
      await client.until(`user_presence ${expected}`, () => told(client).length >= expected.length);
      assert.deepEqual(told(client), expected, client.name);
    }
  };

  let [here, there] = await check('who comes with several connections is online at once, and once', async () => {
    const came = Date.now();
    const clients = await Promise.all([connect('ben', 0), connect('ben', 1, 'polling')]);
    await all(['ben online']);
    assert.ok(watching[0].entries.at(-1).at - came < 2_000, 'it was not at once');
    assert.deepEqual(watching[0].all('user_presence')[0], { userId: 'ben', status: 'online', lastSeenAt: null });
    return clients;
  });
  await check('both can ask for it', async () => {
    const online = { items: [{ userId: 'ben', status: 'online', lastSeenAt: null }] };
    const byRest = await rest('ada', 1).get('/api/presence?userIds=ben,cleo');
    assert.deepEqual(expect(byRest, 200, 'presence_list'), online);
    assert.deepEqual((await done(watching[0], 'get_presence', { userIds: ['ben', 'cleo'] })).items, online.items);
    const own = await rest('cleo').get('/api/presence?userIds=ben,cleo');
    assert.deepEqual(own.body.items.map(({ userId, status }) => `${userId} ${status}`), ['cleo online']);
  });
  await check('one connection less changes nothing', async () => {
    here.close();
    await pass(2 * grace);
    await all(['ben online']);
  });
  await check('who comes back to the other gateway within the grace was never gone', async () => {
    there.close();
    here = await connect('ben', 0);
    await pass(2 * grace);
    there = await connect('ben', 1);
    await all(['ben online']);
  });
  await check('who has gone for longer than the grace is offline, once', async () => {
    const went = Date.now();
    here.close();
    there.close();
    await all(['ben online', 'ben offline']);
    const [last] = watching[0].entries.slice(-1);
    assert.ok(last.at - went >= grace && last.at - went < grace + 3_000, `after ${last.at - went} ms`);
    assert.ok(Math.abs(Date.parse(last.data.lastSeenAt) - went) < 1_000, `last seen ${last.data.lastSeenAt}`);
  });
  await check('who comes again is online again, and nothing else was told', async () => {
    await connect('ben', 1, 'plain');
    await all(['ben online', 'ben offline', 'ben online']);
    assert.deepEqual(told(stranger), []);
  });
});
