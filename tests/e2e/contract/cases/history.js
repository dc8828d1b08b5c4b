// The history in pages, and the read mark by REST.

import assert from 'node:assert/strict';

import { row } from '../table.js';
import { expect, expectProblem, range } from '../world.js';

async function filled(t, count) {
  const c = await t.begin();
  await Promise.all(range(2, count).map((seq) => t.say(seq % 2 ? t.ada : t.ben, c, `About ${seq}`)));
  const page = async (query) => {
    const { items, hasMore } = expect(await t.rest(t.ben).get(`${c.path}/messages${query}`), 200, 'history_page');
    return [items.map(({ seq }) => seq), hasMore];
  };
  return { ...c, page };
}

row(['R-HIST-1', 'R-HIST-2', 'R-HIST-3', 'R-HIST-4', 'R-HIST-5'], 'pages are the newest, those before and those after, in ascending order', async (t) => {
  const { page } = await filled(t, 105);
  for (const [query, ...expected] of [
    ['', range(56, 105), true], ['?limit=50', range(56, 105), true], ['?limit=100', range(6, 105), true], ['?limit=1', [105], true],
    ['?before=106', range(56, 105), true], ['?before=105', range(55, 104), true], ['?before=52', range(2, 51), true],
    ['?before=51', range(1, 50), false], ['?before=2', [1], false], ['?before=1', [], false], ['?before=999999', range(56, 105), true],
    ['?before=11&limit=10', range(1, 10), false], ['?before=12&limit=10', range(2, 11), true],
    ['?after=0', range(1, 50), true], ['?after=55', range(56, 105), false], ['?after=54', range(55, 104), true],
    ['?after=104', [105], false], ['?after=105', [], false], ['?after=999999', [], false], ['?limit=5&after=100', range(101, 105), false],
    ['?limit=5&after=99', range(100, 104), true],
  ]) assert.deepEqual(await page(query), expected, query);
});

row('R-HIST-1', 'a history that fits one page has no more', async (t) => {
  const { page } = await filled(t, 3);
  for (const query of ['', '?limit=3', '?limit=100', '?after=0']) assert.deepEqual(await page(query), [[1, 2, 3], false], query);
  assert.deepEqual([await page('?limit=2'), await page('?limit=2&after=0')], [[[2, 3], true], [[1, 2], true]]);
});

row(['R-HIST-5', 'R-HIST-6'], 'limits and places that are none are validation_failed', async (t) => {
  const c = await t.begin();
  for (const query of [
    'limit=0', 'limit=101', 'limit=-1', 'limit=x', 'limit=1.5', 'limit=', 'limit=99999999999999999999', 'before=0', 'before=-1', 'before=x',
    'before=1.5', 'before=', 'after=-1', 'after=x', 'after=0.5', 'after=', 'before=1&after=1', 'after=0&before=5&limit=10', 'before=99999999999999999999',
  ]) expectProblem(await t.rest(t.ada).get(`${c.path}/messages?${query}`), 400, 'validation_failed');
});

row('R-MARK-1', 'marking answers with the own read mark', async (t) => {
  const c = await filled(t, 5);
  const receipt = expect(await t.rest(t.ben).patch(`${c.path}/read`, { upToSeq: 4 }), 200, 'read_receipt');
  assert.deepEqual([receipt.conversationId, receipt.userId, receipt.readSeq], [c.conversationId, t.ben, 4]);
  assert.ok(Math.abs(Date.parse(receipt.readAt) - Date.now()) < 60_000);
  const seen = (await t.see(t.ben, c)).participants[1];
  assert.deepEqual([seen.readSeq, seen.unreadCount, seen.readAt], [4, receipt.unreadCount, receipt.readAt]);
  assert.equal((await t.see(t.ada, c)).participants[0].readSeq, 0);
});

row('R-MARK-2', 'without upToSeq, or without a body, everything is marked', async (t) => {
  const json = { headers: { 'content-type': 'application/json' } };
  const bodies = [
    { headers: {} }, { ...json, body: '{}' }, { ...json, body: '{"upToSeq":null}' }, { ...json, body: '' }, { headers: { 'content-length': '0' } },
  ];
  const c = await t.begin();
  for (const [index, body] of bodies.entries()) {
    const answer = await t.rest(t.ben).send('PATCH', `${c.path}/read`, body);
    const { readSeq, unreadCount } = expect(answer, 200, 'read_receipt');
    assert.deepEqual([readSeq, unreadCount], [index + 1, 0], JSON.stringify(body));
    await t.say(t.ada, c, 'One more');
  }
});

row('R-MARK-3', 'an upToSeq that is no whole number from 0 on is validation_failed', async (t) => {
  const c = await t.begin();
  for (const upToSeq of [-1, 1.5, '1', true, [], {}, 1e30]) {
    expectProblem(await t.rest(t.ben).patch(`${c.path}/read`, { upToSeq }), 400, 'validation_failed');
  }
  for (const body of [[], 7, 'x', null]) expectProblem(await t.rest(t.ben).patch(`${c.path}/read`, body), 400, 'validation_failed');
  assert.equal((await t.see(t.ben, c)).unreadCount, 1);
});
