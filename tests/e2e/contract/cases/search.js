// Searching a conversation.

import assert from 'node:assert/strict';

import { assertShape } from '../../lib/golden.js';
import { row, rowOverSockets } from '../table.js';
import { apis, done, expect, expectProblem, range } from '../world.js';

async function find(t, user, c, q, more = '', api = undefined) {
  const answer = await t.rest(user, api).get(`${c.path}/search?q=${encodeURIComponent(q)}${more}`);
  const { items, ...rest } = expect(answer, 200);
  assert.deepEqual(rest, {});
  for (const item of items) assertShape('message', item);
  return items.map(({ seq }) => seq);
}

row(['R-FIND-1', 'R-FIND-2'], 'messages with every word are found, the newest first, case and diacritics aside', async (t) => {
  const c = await t.begin();
  const texts = ['Der Entwurf ist fertig', 'der ENTWURF kommt', 'Ein Café in Århus', 'CAFE arhus!', 'naïve résumé', 'Entwurfsphase', 'Größe', 'crème brûlée, entwurf'];
  for (const text of texts) await t.say(t.ada, c, text);
  for (const [q, seqs] of [
    ['entwurf', [9, 3, 2]], ['Entwurf der', [3, 2]], ['der entwurf fertig', [2]], ['cafe', [5, 4]], ['CAFÉ århus', [5, 4]], ['resume', [6]],
    ['Résumé naive', [6]], ['nothing', []], ['entwurf nothing', []], ['  der   entwurf ', [3, 2]], ['arhus', [5, 4]],
  ]) {
    assert.deepEqual(await find(t, t.ben, c, q), seqs, q);
    assert.deepEqual(await find(t, t.ada, c, q), seqs, q);
  }
  const { items } = (await t.rest(t.ben).get(`${c.path}/search?q=naive`)).body;
  assert.deepEqual(items, (await t.rest(t.ben).get(`${c.path}/messages?before=7&limit=1`)).body.items);
});

row('R-FIND-1', 'only this conversation is searched, and only by its participants', async (t) => {
  const [c, other] = [await t.begin(), await t.begin({}, `d-${t.key}`)];
  await t.say(t.ada, other, 'needle');
  assert.deepEqual([await find(t, t.ada, c, 'needle'), await find(t, t.ada, other, 'needle')], [[], [2]]);
  for (const user of [t.cleo, t.host]) expectProblem(await t.rest(user).get(`${c.path}/search?q=first`), 404, 'not_found');
  expectProblem(await t.rest(t.ada).get(`/api/messages/conversations/${'f'.repeat(24)}/search?q=x`), 404, 'not_found');
  expectProblem(await t.rest(t.ada).get('/api/messages/conversations/x/search?q=x'), 400, 'validation_failed');
});

row('R-FIND-3', 'deleted messages are not found, and edited ones by their present text', async (t) => {
  const c = await t.begin();
  const [one, two] = [await t.say(t.ada, c, 'alpha beta'), await t.say(t.ada, c, 'alpha gamma')];
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${one.id}`, { content: 'delta' }), 200);
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${two.id}`), 200);
  for (const [q, seqs] of [['alpha', []], ['beta', []], ['gamma', []], ['delta', [2]]]) assert.deepEqual(await find(t, t.ben, c, q), seqs, q);
});

rowOverSockets('R-FIND-4', 'a message is found as soon as it is acknowledged, at every replica', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  for (const index of range(1, 5)) {
    const { message } = await done(ada, 'send_message', { conversationId: c.conversationId, content: `needle${index}` });
    for (const api of apis.keys()) assert.deepEqual(await find(t, t.ben, c, `needle${index}`, '', api), [message.seq]);
  }
});

row('R-FIND-5', 'q has 1 to 100 scalar values', async (t) => {
  const c = await t.begin();
  for (const q of ['x', 'x'.repeat(100), '😀'.repeat(100), '.*', '"', '$where', '-first']) await find(t, t.ada, c, q);
  for (const query of ['', '?q=', '?q=%20', `?q=${'x'.repeat(101)}`, `?q=${encodeURIComponent('😀'.repeat(101))}`]) {
    expectProblem(await t.rest(t.ada).get(`${c.path}/search${query}`), 400, 'validation_failed');
  }
});

row('R-FIND-6', 'there are 20 results unless limit says otherwise, up to 50', async (t) => {
  const c = await t.begin();
  for (const index of range(2, 61)) await t.say(t.ada, c, `needle ${index}`);
  const newest = (count) => range(62 - count, 61).toReversed();
  assert.deepEqual(await find(t, t.ben, c, 'needle'), newest(20));
  for (const limit of [1, 20, 50]) assert.deepEqual(await find(t, t.ben, c, 'needle', `&limit=${limit}`), newest(limit));
  for (const limit of ['0', '51', '-1', 'x', '1.5', '']) {
    expectProblem(await t.rest(t.ben).get(`${c.path}/search?q=needle&limit=${limit}`), 400, 'validation_failed');
  }
});
