// Presence while a gateway stands still, dies, or NATS is away. Argument: the grace in milliseconds.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { ask } from '../lib/host.js';
import { expect } from '../lib/rest.js';
import { check, connect, putContract, rest, scenario } from '../lib/scenario.js';

const grace = Number(process.argv[2]);

scenario(async () => {
  await putContract();
  const ada = await connect('ada', 0);
  const expected = [];
  const told = () => ada.all('user_presence').map(({ userId, status }) => `${userId} ${status}`);
  const then = async (change) => {
    expected.push(change);
    await ada.until(`user_presence ${expected}`, () => told().length >= expected.length);
    assert.deepEqual(told(), expected);
  };
  const asked = async () => {
    const list = await rest('ada').get('/api/presence?userIds=ben');
    return expect(list, 200, 'presence_list').items.map(({ userId, status }) => `${userId} ${status}`);
  };

  const still = await connect('ben', 1, 'websocket');
  await then('ben online');
  await check('the users of a gateway that stands still are taken for gone', async () => {
    await ask('pause gateway 1');
    await then('ben offline');
    assert.deepEqual(await asked(), ['ben offline']);
  });
  await check('they are online again when it goes on', async () => {
    await ask('resume gateway 1');
    await then('ben online');
    assert.deepEqual(await asked(), ['ben online']);
    assert.deepEqual(still.disconnects ?? [], []);
  });
  await check('who goes while NATS is away is told of as gone once it is back', async () => {
    await ask('stop nats');
    still.close();
    await pass(2 * grace);
    await ask('start nats');
    await then('ben offline');
    assert.deepEqual(await asked(), ['ben offline']);
  });
  await check('who comes while NATS is away is told of as online once it is back', async () => {
    await ask('stop nats');
    const late = connect('ben', 1, 'plain');
    await pass(grace);
    await ask('start nats');
    await late;
    await then('ben online');
    assert.deepEqual(await asked(), ['ben online']);
  });
  await check('the users of a gateway that dies are taken for gone, and come back to another one', async () => {
    await ask('kill gateway 1');
    await then('ben offline');
    await connect('ben', 0);
    await then('ben online');
  });
  await check('nothing else was told', async () => {
    await pass(2 * grace);
    assert.deepEqual(told(), expected);
  });
});
