// What a text may hold, and what is stored of it. Each text goes by REST and by sockets.

import assert from 'node:assert/strict';

import { row, rowOverSockets } from '../table.js';
import { done, expect, expectProblem, refused } from '../world.js';

const TRIMMED = [
  ['  hi  ', 'hi'], ['\n\t\r hi \r\n', 'hi'], ['\u3000\u2003\u00a0hi\u1680\u2028\u2029\u202f\u205f', 'hi'],
  [' a  b\n\nc ', 'a  b\n\nc'],
];
const KEPT = ['\ufeffhi\ufeff', '\u200bhi\u200b', '\u180ehi', 'a\u00a0\u2028b', '\u2060x\u200d', '\u{e0001}', '\ufffe', '\u{10ffff}'];
const CONTROL = ['\u0000', '\u0001', '\u0007', '\u0008', '\u000b', '\u000c', '\u000e', '\u001b', '\u001f', '\u007f', '\u0080', '\u0085', '\u009f'];
const EMPTY = ['', ' ', '\n\t\r', '\u3000\u2003\u00a0'];

row('R-TEXT-1', 'white space around a text is cut off', async (t) => {
  const c = await t.begin();
  for (const [text, stored] of TRIMMED) {
    assert.equal((await t.say(t.ada, c, text)).content, stored);
    const edited = await t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, { content: text });
    assert.equal(expect(edited, 200, 'message').content, stored);
  }
});

rowOverSockets(['R-TEXT-1', 'R-TEXT-2'], 'white space around a text, and nothing else, is cut off', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  for (const [text, stored] of [...TRIMMED, ...KEPT.map((text) => [text, text])]) {
    const { message } = await done(ada, 'send_message', { conversationId: c.conversationId, content: text });
    assert.equal(message.content, stored, JSON.stringify(text));
  }
});

row('R-TEXT-2', 'what is no white space stays', async (t) => {
  const c = await t.begin();
  for (const text of KEPT) assert.equal((await t.say(t.ben, c, text)).content, text, JSON.stringify(text));
});

row('R-TEXT-3', 'control characters are refused, wherever they stand', async (t) => {
  const c = await t.begin();
  for (const character of CONTROL) {
    for (const content of [`a${character}b`, `a${character}`, `${character}a`, character]) {
      expectProblem(await t.rest(t.ada).post(`${c.path}/messages`, { content }), 400, 'validation_failed');
    }
    const content = `a${character}`;
    expectProblem(await t.rest(t.ada).post('/api/messages', { contractId: c.contractId, content }), 400, 'validation_failed');
    expectProblem(await t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, { content }), 400, 'validation_failed');
  }
  assert.deepEqual((await t.see(t.ada, c)).lastMessage, c.first);
});

rowOverSockets('R-TEXT-3', 'control characters are refused in events', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada);
  const { conversationId } = c;
  for (const character of CONTROL) {
    await refused(ada, 'send_message', { conversationId, content: `hi${character}` }, 'validation_failed');
    await refused(ada, 'edit_message', { conversationId, messageId: c.first.id, content: `a${character}b` }, 'validation_failed');
  }
  await refused(ada, 'create_message', { contractId: c.contractId, content: '\u0085hi' }, 'validation_failed');
  assert.deepEqual((await t.see(t.ben, c)).lastMessage, c.first);
});

rowOverSockets('R-TEXT-4', 'line feed, carriage return and tab are allowed', async (t) => {
  const c = await t.begin();
  const text = 'one\ntwo\r\nthree\tfour\rfive';
  const ada = await t.connect(t.ada);
  assert.equal((await done(ada, 'send_message', { conversationId: c.conversationId, content: text })).message.content, text);
  assert.equal((await t.say(t.ben, c, text)).content, text);
});

const LONE = [String.raw`"\ud800"`, String.raw`"a\udc00b"`, String.raw`"\udc00\ud800"`, String.raw`"\ud83d x"`, String.raw`"hi\ud800"`];

row('R-TEXT-5', 'lone surrogates are refused, pairs are not', async (t) => {
  const c = await t.begin();
  const send = (json) => t.rest(t.ada).send('POST', `${c.path}/messages`, {
    headers: { 'content-type': 'application/json' }, body: `{"content":${json}}`,
  });
  for (const json of LONE) expectProblem(await send(json), 400, 'validation_failed');
  assert.equal(expect(await send(String.raw`"\ud83d\ude00"`), 201, 'message').content, '😀');
});

row('R-TEXT-5', 'lone surrogates are refused on /ws', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada, { dialect: 'plain' });
  for (const json of LONE) {
    const before = ada.all('exception').length;
    ada.socket.send(`{"event":"send_message","data":{"conversationId":"${c.conversationId}","content":${json}}}`);
    await ada.until('an exception', () => ada.all('exception').length > before);
    assert.equal(ada.all('exception')[before].code, 'validation_failed');
  }
  assert.equal((await t.see(t.ada, c)).lastSeq, 1);
});

row('R-TEXT-5', 'lone surrogates are refused over Socket.IO, and the connection stays', async (t) => {
  const c = await t.begin();
  const ada = await t.connect(t.ada, { dialect: 'websocket' });
  for (const content of ['\ud800', 'a\udc00b', 'hi\ud83d']) {
    await refused(ada, 'send_message', { conversationId: c.conversationId, content }, 'validation_failed');
  }
  await done(ada, 'send_message', { conversationId: c.conversationId, content: '😀' });
  assert.deepEqual(ada.disconnects, []);
});

row('R-TEXT-7', 'what has been deleted can be neither edited nor deleted', async (t) => {
  const c = await t.begin();
  const path = `${c.path}/messages/${c.first.id}`;
  const deleted = expect(await t.rest(t.ada).delete(path), 200, 'message');
  expectProblem(await t.rest(t.ada).patch(path, { content: 'Back' }), 409, 'conflict');
  expectProblem(await t.rest(t.ada).delete(path), 409, 'conflict');
  expectProblem(await t.rest(t.ben).delete(path), 403, 'forbidden');
  assert.deepEqual((await t.see(t.ben, c)).lastMessage, deleted);
});

rowOverSockets('R-TEXT-7', 'what has been deleted can be neither edited nor deleted by events', async (t) => {
  const c = await t.begin();
  const place = { conversationId: c.conversationId, messageId: c.first.id };
  const ada = await t.joined(t.ada, c);
  const { message } = await done(ada, 'delete_message', place);
  await refused(ada, 'edit_message', { ...place, content: 'Back' }, 'conflict');
  await refused(ada, 'delete_message', place, 'conflict');
  await done(ada, 'send_message', { conversationId: c.conversationId, content: 'After' });
  await ada.message(2);
  assert.deepEqual([ada.all('message_deleted'), ada.all('message_updated')], [[message], []]);
});

row('R-BODY-1', 'a text has 1 to 10,000 scalar values after trimming', async (t) => {
  const c = await t.begin();
  const calls = [
    (content) => t.rest(t.ada).post(`${c.path}/messages`, { content }),
    (content) => t.rest(t.ada).post('/api/messages', { contractId: c.contractId, content }),
    (content) => t.rest(t.ada).patch(`${c.path}/messages/${c.first.id}`, { content }),
  ];
  for (const call of calls) {
    for (const longest of ['x'.repeat(10_000), '😀'.repeat(10_000), '漢'.repeat(10_000), 'e\u0301'.repeat(5_000)]) {
      assert.equal(expect(await call(` ${longest}\n`), call === calls[2] ? 200 : 201, 'message').content, longest);
      expectProblem(await call(`${longest}x`), 400, 'validation_failed');
    }
    for (const content of EMPTY) expectProblem(await call(content), 400, 'validation_failed');
  }
});

rowOverSockets('R-BODY-1', 'a text has 1 to 10,000 scalar values in events', async (t) => {
  const c = await t.begin();
  const [ada, ben] = [await t.joined(t.ada, c), await t.joined(t.ben, c)];
  const { conversationId } = c;
  for (const [seq, letter] of [[2, 'x'], [3, '😀']]) {
    const content = letter.repeat(10_000);
    assert.equal((await done(ada, 'send_message', { conversationId, content: `${content} ` })).message.content, content);
    assert.equal((await ben.message(seq)).content, content);
    await refused(ada, 'send_message', { conversationId, content: `${content}x` }, 'validation_failed');
    await refused(ada, 'create_message', { contractId: c.contractId, content: `x${content}` }, 'validation_failed');
  }
  for (const content of EMPTY) await refused(ada, 'send_message', { conversationId, content }, 'validation_failed');
  assert.equal((await done(ada, 'send_message', { conversationId, content: '.' })).message.seq, 4);
});
