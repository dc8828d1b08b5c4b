// The search in one conversation.

import assert from 'node:assert/strict';

import { expect, expectProblem } from '../lib/rest.js';
import { begin, check, putContract, range, rest, scenario } from '../lib/scenario.js';

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const place = `/api/messages/conversations/${conversationId}`;
  const say = async (user, content) =>
    expect(await rest(user).post(`${place}/messages`, { content }), 201, 'message');
  const path = (q, more = '') => `${place}/search?q=${encodeURIComponent(q)}${more}`;
  const search = async (q, more, api = 1) =>
    expect(await rest('ben', api).get(path(q, more)), 200, 'search_results').items;
  const texts = async (...query) => (await search(...query)).map(({ content }) => content);

  await check('what was acked is found on the other replica at once, newest first', async () => {
    for (const number of range(1, 30)) {
      const sent = await say(number % 2 ? 'ada' : 'ben', `Draft Nº ${number}, déjà vu`);
      assert.deepEqual((await search('draft', '&limit=1'))[0], sent);
    }
    assert.equal((await search('draft')).length, 20);
    assert.equal((await search('draft', '&limit=50')).length, 30);
  });
  await check('every word must be there, case and diacritics aside', async () => {
    await say('ada', 'Crème brûlée, then Straße');
    assert.deepEqual(await texts('BRULEE creme'), ['Crème brûlée, then Straße']);
    assert.deepEqual(await texts('STRASSE'), ['Crème brûlée, then Straße']);
    assert.deepEqual(await texts('creme missing'), []);
    assert.deepEqual(await texts('deja 7'), ['Draft Nº 7, déjà vu']);
  });
  await check('edits count as they are now, and deleted messages are left out', async () => {
    const { id } = await say('ada', 'A secret');
    const message = `${place}/messages/${id}`;
    expect(await rest('ada').patch(message, { content: 'A surprise' }), 200, 'message');
    assert.deepEqual([await texts('secret'), await texts('surprise')], [[], ['A surprise']]);
    expect(await rest('ada').delete(message), 200, 'message');
    assert.deepEqual(await texts('surprise'), []);
  });
  await check('what cannot be searched for is refused', async () => {
    for (const bad of [path(''), path('  '), path('x'.repeat(101)), `${place}/search`, path('x', '&limit=0'), path('x', '&limit=51')]) {
      expectProblem(await rest('ben').get(bad), 400, 'validation_failed');
    }
    expect(await rest('ben').get(path('é'.repeat(100))), 200);
    expectProblem(await rest('cleo').get(path('draft')), 404, 'not_found');
  });
});
