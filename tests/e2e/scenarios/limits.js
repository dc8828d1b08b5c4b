// The limits that the test has set: 5 requests at once and 1 a second for each user, 3 connections of a user,
// 2 conversations of a connection. The rate of events is that of the contract.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { UPGRADE, http } from '../lib/http.js';
import { expect, expectProblem } from '../lib/rest.js';
import { begin, check, connect, done, gateways, putContract, range, rest, scenario, tokens } from '../lib/scenario.js';
import { refusal } from '../lib/socket.js';

const EVENTS_BURST = 40;

scenario(async () => {
  const conversations = [];
  for (const id of ['c-1', 'c-2', 'c-3']) {
    await putContract(id);
    conversations.push(await begin(id));
  }
  const clients = [await connect('ada', 0), await connect('ada', 1, 'plain')];
  await check('a connection can join so many conversations, and another one once it has left one', () =>
    joinAll(clients[0], conversations));
  await check('more events than the rate allows are rate_limited, and the connection stays', async () => {
    const acks = await Promise.all(range(1, EVENTS_BURST * 3).map(() =>
      clients[1].emit('leave_conversation', { conversationId: conversations[0] })));
    const limited = acks.filter(({ ok }) => !ok);
    assert.ok(acks.length - limited.length >= EVENTS_BURST && limited.length > 0, `${limited.length} were refused`);
    assert.ok(limited.every(({ error }) => error.code === 'rate_limited'));
    await done(clients[0], 'leave_conversation', { conversationId: conversations[0] });
    await pass(1_000);
    await done(clients[1], 'leave_conversation', { conversationId: conversations[0] });
  });
  await check('a connection too many is refused, on whichever gateway, until one has gone', async () => {
    const third = await connect('ada', 0, 'polling');
    for (const gateway of gateways) {
      const error = await refusal(gateway, { auth: { token: tokens.ada } });
      assert.deepEqual(error.data, { code: 'limit_reached' });
      const answer = await http(`${gateway}/ws`, { headers: { ...UPGRADE, authorization: `Bearer ${tokens.ada}` } });
      assert.deepEqual([answer.status, answer.body.code], [429, 'limit_reached']);
    }
    await connect('ben', 1);
    third.close();
    await connectAgain();
  });
  await check('more requests than the rate allows are rate_limited, and say when to come back', requests);
});

async function joinAll(client, [first, second, third]) {
  await done(client, 'join_conversation', { conversationId: first });
  await done(client, 'join_conversation', { conversationId: second });
  const refused = await client.emit('join_conversation', { conversationId: third });
  assert.deepEqual([refused.ok, refused.error?.code], [false, 'limit_reached']);
  await done(client, 'join_conversation', { conversationId: second });
  await done(client, 'leave_conversation', { conversationId: first });
  await done(client, 'join_conversation', { conversationId: third });
}

/** The gateway learns of a close a moment after the client has sent it. */
async function connectAgain() {
  const until = Date.now() + 10_000;
  for (;;) {
    const headers = { ...UPGRADE, authorization: `Bearer ${tokens.ada}` };
    const { status } = await http(`${gateways[0]}/ws`, { headers });
    if (status === 101) return;
    assert.ok(status === 429 && Date.now() < until, `still ${status}`);
    await pass(20);
  }
}

async function requests() {
  const path = '/api/messages/conversations';
  const answers = await Promise.all(range(1, 10).map(() => rest('cleo').get(path)));
  const limited = answers.filter(({ status }) => status === 429);
  assert.ok(limited.length >= 4 && answers.length - limited.length >= 5, `${limited.length} were refused`);
  for (const answer of limited) {
    expectProblem(answer, 429, 'rate_limited');
    assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  }
  expect(await rest('ben').get(path), 200);
  await pass(Number(limited[0].headers.get('retry-after')) * 1_000);
  expect(await rest('cleo').get(path), 200, 'conversations_page');
}
