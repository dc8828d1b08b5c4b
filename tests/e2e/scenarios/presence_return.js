// A user whose gateway dies comes back to another one after that is known, and before he is told of as gone. Argument: the grace in
// milliseconds.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { ask } from '../lib/host.js';
import { expect } from '../lib/rest.js';
import { BOUND_MS } from '../lib/recorder.js';
import { check, connect, putContract, rest, scenario } from '../lib/scenario.js';

const grace = Number(process.argv[2]);

scenario(async () => {
  await putContract();
  const ada = await connect('ada', 0);
  const told = () => ada.all('user_presence').map(({ userId, status }) => `${userId} ${status}`);
  const isOnline = async () => {
    const list = await rest('ada').get('/api/presence?userIds=ben');
    return expect(list, 200, 'presence_list').items[0].status === 'online';
  };
  await connect('ben', 1, 'plain');
  await ada.event('user_presence');
  await check('who comes back before he is told of as gone is not told of at all', async () => {
    await ask('kill gateway 1');
    const deadline = Date.now() + BOUND_MS;
    while (await isOnline()) {
      assert.ok(Date.now() < deadline, 'the death of the gateway is known in time');
      await pass(100);
    }
    await connect('ben', 0, 'plain');
    // As long as it would take to tell of him, and some more.
    await pass(grace + 3_000);
    assert.deepEqual(told(), ['ben online']);
  });
});
