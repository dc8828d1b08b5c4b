// Conversations and messages over REST.

import assert from 'node:assert/strict';

import { expect, expectProblem } from '../lib/rest.js';
import { check, putContract, range, rest, scenario } from '../lib/scenario.js';

const NOBODYS_ID = '0123456789abcdef01234567';
const CONVERSATIONS = '/api/messages/conversations';

scenario(async () => {
  await putContract('c-1', { milestones: [{ id: 'm-1' }] });
  const first = await check('a first message makes the conversation', firstMessage);
  const id = first.conversationId;
  await check('a message that is not valid is refused with the fields', () => notValid(id));
  await check('text is stored trimmed, up to 10,000 scalar values', async () => {
    const send = (content) => rest('ben', 1).post(`${CONVERSATIONS}/${id}/messages`, { content });
    assert.equal(expect(await send('\u3000 two\n\tlines \u2003\n'), 201, 'message').content, 'two\n\tlines');
    const longest = '😀'.repeat(10_000);
    assert.equal(expect(await send(` ${longest} `), 201, 'message').content, longest);
    expectProblem(await send(`${longest}x`), 400, 'validation_failed');
  });
  await check('strangers and ids of nobody find nothing, malformed ids are refused', () => outsiders(id));
  await check('the history is read in pages, both ways', () => history(id));
  await check('reading counts down what is unread, and never goes back', () => reading(id));
  await check('the list has the latest activity first, in pages', () => list(id));
});

async function firstMessage() {
  const message = expect(await rest('ada').post('/api/messages', { contractId: 'c-1', content: 'Hi' }), 201, 'message');
  const { conversationId, milestoneId, seq, senderId, attachments, clientMessageId } = message;
  assert.deepEqual([milestoneId, seq, senderId, attachments, clientMessageId], [null, 1, 'ada', [], null]);
  const conversation = expect(await rest('ben', 1).get(`${CONVERSATIONS}/${conversationId}`), 200, 'conversation');
  assert.deepEqual(conversation.lastMessage, message);
  assert.deepEqual(conversation.participants, [
    { userId: 'ada', role: 'client', readSeq: 0, unreadCount: 0, readAt: null },
    { userId: 'ben', role: 'freelancer', readSeq: 0, unreadCount: 1, readAt: null },
  ]);
  assert.deepEqual([conversation.unreadCount, conversation.updatedAt], [1, message.createdAt]);
  const draft = { contractId: 'c-1', milestoneId: 'm-1', content: 'About the draft', clientMessageId: 'a-1' };
  const other = expect(await rest('ben').post('/api/messages', draft), 201, 'message');
  assert.deepEqual([other.seq, other.milestoneId, other.clientMessageId], [1, 'm-1', 'a-1']);
  assert.notEqual(other.conversationId, conversationId);
  return message;
}

async function notValid(id) {
  const bad = [
    [{ content: '' }, ['content']],
    [{ content: ' \u2003\n' }, ['content']],
    [{ content: 'a\u0007b' }, ['content']],
    [{ content: '\u0085' }, ['content']],
    [{ content: null }, ['content']],
    [{ content: 'Hi', clientMessageId: 'x'.repeat(65) }, ['clientMessageId']],
    [{ content: '', clientMessageId: '' }, ['content', 'clientMessageId']],
    [{ content: 'Hi', attachments: [{ id: 'x' }] }, ['attachments[0].id']],
    [{ content: 'Hi', attachments: range(1, 11).map(() => ({ id: NOBODYS_ID })) }, ['attachments']],
  ];
  for (const [draft, fields] of bad) {
    const posts = [[`${CONVERSATIONS}/${id}/messages`, draft], ['/api/messages', { contractId: 'c-1', ...draft }]];
    for (const [path, body] of posts) {
      const problem = expectProblem(await rest('ada').post(path, body), 400, 'validation_failed');
      assert.deepEqual(problem.errors.map(({ field }) => field), fields, JSON.stringify(draft));
    }
  }
  const lone = { headers: { 'content-type': 'application/json' }, body: String.raw`{"content":"\ud800"}` };
  expectProblem(await rest('ada').send('POST', `${CONVERSATIONS}/${id}/messages`, lone), 400, 'validation_failed');
  const attached = { content: 'Hi', attachments: [{ id: NOBODYS_ID }] };
  expectProblem(await rest('ada').post(`${CONVERSATIONS}/${id}/messages`, attached), 404, 'not_found');
}

async function outsiders(id) {
  const calls = (caller, at) => [
    caller.get(`${CONVERSATIONS}/${at}`),
    caller.get(`${CONVERSATIONS}/${at}/messages`),
    caller.post(`${CONVERSATIONS}/${at}/messages`, { content: 'Hi' }),
    caller.patch(`${CONVERSATIONS}/${at}/read`),
  ];
  for (const [user, at] of [['cleo', id], ['ada', NOBODYS_ID], ['host', id]]) {
    for (const answer of await Promise.all(calls(rest(user), at))) expectProblem(answer, 404, 'not_found');
  }
  for (const at of ['x', id.toUpperCase(), `${id}0`, '%00']) {
    for (const answer of await Promise.all(calls(rest('ada'), at))) expectProblem(answer, 400, 'validation_failed');
  }
  const created = [['ada', 'c-9'], ['cleo', 'c-1'], ['host', 'c-1']];
  for (const [user, contractId] of created) {
    expectProblem(await rest(user).post('/api/messages', { contractId, content: 'Hi' }), 404, 'not_found');
  }
  const unknown = { contractId: 'c-1', milestoneId: 'm-9', content: 'Hi' };
  expectProblem(await rest('ada').post('/api/messages', unknown), 404, 'not_found');
  assert.deepEqual(expect(await rest('cleo').get(CONVERSATIONS), 200, 'conversations_page').items, []);
}

async function history(id) {
  for (const seq of range(4, 120)) {
    await rest('ada', seq % 2).post(`${CONVERSATIONS}/${id}/messages`, { content: `Number ${seq}` });
  }
  const cases = [
    ['', range(71, 120), true],
    ['?limit=100', range(21, 120), true],
    ['?before=50', range(1, 49), false],
    ['?before=52', range(2, 51), true],
    ['?before=1', [], false],
    ['?before=1000&limit=2', [119, 120], true],
    ['?after=0&limit=3', [1, 2, 3], true],
    ['?after=118', [119, 120], false],
    ['?after=118&limit=2', [119, 120], false],
    ['?after=500', [], false],
  ];
  for (const [query, seqs, hasMore] of cases) {
    const page = expect(await rest('ben').get(`${CONVERSATIONS}/${id}/messages${query}`), 200, 'history_page');
    assert.deepEqual([page.items.map(({ seq }) => seq), page.hasMore], [seqs, hasMore], query);
  }
  for (const query of ['?limit=0', '?limit=101', '?limit=x', '?before=0', '?before=-1', '?after=-1', '?before=5&after=5', '?after=1.5']) {
    expectProblem(await rest('ben').get(`${CONVERSATIONS}/${id}/messages${query}`), 400, 'validation_failed');
  }
}

async function reading(id) {
  const read = async (body) => {
    const answer = await rest('ben', 1).patch(`${CONVERSATIONS}/${id}/read`, body);
    const { conversationId, userId, readSeq, unreadCount } = expect(answer, 200, 'read_receipt');
    assert.deepEqual([conversationId, userId], [id, 'ben']);
    return [readSeq, unreadCount];
  };
  assert.deepEqual(await read({ upToSeq: 0 }), [0, 118]);
  assert.deepEqual(await read({ upToSeq: 1 }), [1, 117]);
  assert.deepEqual(await read({ upToSeq: 20 }), [20, 100]);
  assert.deepEqual(await read({ upToSeq: 10 }), [20, 100]);
  const seen = expect(await rest('ada').get(`${CONVERSATIONS}/${id}`), 200, 'conversation');
  assert.deepEqual(seen.participants.map(({ readSeq, unreadCount }) => [readSeq, unreadCount]), [[0, 2], [20, 100]]);
  assert.equal(seen.unreadCount, 2);
  assert.deepEqual(await read({ upToSeq: 10_000 }), [120, 0]);
  assert.deepEqual(await read(undefined), [120, 0]);
  assert.deepEqual(await read({}), [120, 0]);
  for (const upToSeq of [-1, 1.5, '1']) {
    const answer = await rest('ben').patch(`${CONVERSATIONS}/${id}/read`, { upToSeq });
    expectProblem(answer, 400, 'validation_failed');
  }
}

async function list(id) {
  const ids = [];
  for (const index of range(2, 8)) {
    await putContract(`c-${index}`);
    const sent = await rest('ada').post('/api/messages', { contractId: `c-${index}`, content: 'Hi' });
    ids.unshift(expect(sent, 201, 'message').conversationId);
  }
  await rest('ben').post(`${CONVERSATIONS}/${id}/messages`, { content: 'The latest' });
  const pages = [];
  let cursor = null;
  do {
    const query = `?limit=3${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = expect(await rest('ada', pages.length % 2).get(CONVERSATIONS + query), 200, 'conversations_page');
    pages.push(page.items.map((conversation) => conversation.id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  assert.deepEqual(pages.map((page) => page.length), [3, 3, 3]);
  assert.deepEqual(pages.flat().slice(0, 8), [id, ...ids]);
  for (const query of ['?limit=0', '?limit=101', '?limit=x', '?cursor=x', '?cursor=%00']) {
    expectProblem(await rest('ada').get(CONVERSATIONS + query), 400, 'validation_failed');
  }
}
