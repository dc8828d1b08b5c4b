// Files: up, down, and in messages.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

import { assertShape } from '../../lib/golden.js';
import { FILE_BOUND_MS } from '../../lib/rest.js';
import { row, rowOverSockets } from '../table.js';
import { NOBODYS_ID, apis, done, expect, expectProblem, refused } from '../world.js';

const PDF = Buffer.from('%PDF-1.4 not really');

/** A form with fields before the file. */
function form(fields, bytes = PDF, { filename = 'brief.pdf', type = 'application/pdf', part = 'file' } = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  if (bytes !== undefined && bytes !== null) body.append(part, new Blob([bytes], { type }), filename);
  return body;
}

const upload = (t, user, path, body) => t.rest(user).send('POST', path, { body, ms: FILE_BOUND_MS });
const uploaded = async (t, user, c, bytes, options) => expect(await upload(t, user, `${c.path}/attachments`, form({}, bytes, options)), 201, 'attachment');

async function download(t, user, { url }, headers = {}) {
  const authorization = `Bearer ${t.token(user)}`;
  const response = await fetch(apis[t.next('api', apis)] + url, { headers: { authorization, ...headers } });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

row(['R-ATT-1', 'R-ATT-2'], 'a file is uploaded to a conversation', async (t) => {
  const c = await t.begin();
  const made = await uploaded(t, t.ben, c);
  assert.deepEqual(made, {
    id: made.id, filename: 'brief.pdf', contentType: 'application/pdf', size: PDF.length,
    sha256: createHash('sha256').update(PDF).digest('hex'), url: `/api/messages/attachments/${made.id}`,
  });
  const empty = await uploaded(t, t.ada, c, Buffer.alloc(0), { filename: 'leer.txt', type: 'text/plain' });
  assert.equal(empty.size, 0);
  const named = await uploaded(t, t.ada, c, PDF, { filename: 'Grüße "1" 😀.pdf' });
  assert.equal(named.filename, 'Grüße "1" 😀.pdf');
});

row(['R-ATT-3', 'R-BODY-5'], 'a file is uploaded to a contract or a milestone before there is a conversation', async (t) => {
  await t.contract({ milestones: [{ id: 'm-1' }] });
  const { contractId } = t;
  for (const fields of [{ contractId }, { contractId, milestoneId: 'm-1' }]) {
    const file = expect(await upload(t, t.ada, '/api/messages/attachments', form(fields)), 201, 'attachment');
    const elsewhere = { contractId, content: 'Hi', attachments: [{ id: file.id }], milestoneId: fields.milestoneId ? null : 'm-1' };
    expectProblem(await t.rest(t.ada).post('/api/messages', elsewhere), 404, 'not_found');
    const sent = expect(await t.rest(t.ada).post('/api/messages', { ...fields, content: 'Hi', attachments: [{ id: file.id }] }), 201, 'message');
    assert.deepEqual(sent.attachments, [file]);
  }
  expectProblem(await upload(t, t.ada, '/api/messages/attachments', form({})), 400, 'validation_failed');
  expectProblem(await upload(t, t.ada, '/api/messages/attachments', form({ contractId: 'a b' })), 400, 'validation_failed');
  expectProblem(await upload(t, t.ada, '/api/messages/attachments', form({ contractId, milestoneId: 'm-9' })), 404, 'not_found');
  expectProblem(await upload(t, t.ada, '/api/messages/attachments', form({ contractId: `no-${t.key}` })), 404, 'not_found');
});

row('R-ATT-4', 'a download gives the very bytes, with type and name', async (t) => {
  const c = await t.begin();
  const bytes = randomBytes(300_000);
  const file = await uploaded(t, t.ada, c, bytes);
  for (const user of [t.ada, t.ben]) {
    const answer = await download(t, user, file);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.bytes, bytes);
    assert.deepEqual([answer.headers.get('content-type'), answer.headers.get('content-length')], ['application/pdf', '300000']);
    assert.match(answer.headers.get('content-disposition'), /brief\.pdf/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  }
});

row('R-ATT-5', 'a range of bytes is honoured', async (t) => {
  const c = await t.begin();
  const bytes = randomBytes(1_000);
  const file = await uploaded(t, t.ada, c, bytes);
  for (const [range, from, to] of [['0-0', 0, 0], ['0-99', 0, 99], ['500-', 500, 999], ['-100', 900, 999], ['990-5000', 990, 999], ['-5000', 0, 999]]) {
    const answer = await download(t, t.ben, file, { range: `bytes=${range}` });
    assert.deepEqual([answer.status, answer.headers.get('content-range')], [206, `bytes ${from}-${to}/1000`], range);
    assert.deepEqual(answer.bytes, bytes.subarray(from, to + 1));
  }
  for (const range of ['1000-', '1000-1001', '-0']) {
    const answer = await download(t, t.ben, file, { range: `bytes=${range}` });
    assert.deepEqual([answer.status, answer.headers.get('content-range')], [416, 'bytes */1000'], range);
    assert.equal(assertShape('problem', JSON.parse(answer.bytes)).code, 'range_not_satisfiable');
  }
  for (const range of ['items=0-1', 'bytes=x']) assert.equal((await download(t, t.ben, file, { range })).status, 200, range);
});

row(['R-ATT-6', 'R-ATT-7'], 'only participants download and upload', async (t) => {
  const c = await t.begin();
  const file = await uploaded(t, t.ada, c);
  for (const user of [t.cleo, t.host, t.root]) {
    expectProblem(await t.rest(user).get(file.url), 404, 'not_found');
    expectProblem(await upload(t, user, `${c.path}/attachments`, form({})), 404, 'not_found');
    expectProblem(await upload(t, user, '/api/messages/attachments', form({ contractId: c.contractId })), 404, 'not_found');
  }
  expectProblem(await t.rest(t.ada).get(`/api/messages/attachments/${NOBODYS_ID}`), 404, 'not_found');
  expectProblem(await t.rest(t.ada).get('/api/messages/attachments/x'), 400, 'validation_failed');
  assert.equal((await fetch(apis[0] + file.url)).status, 401);
});

row('R-ATT-8', 'a body without a file, or that is no form, is refused', async (t) => {
  const c = await t.begin();
  const path = `${c.path}/attachments`;
  expectProblem(await upload(t, t.ada, path, form({}, PDF, { part: 'other' })), 400, 'validation_failed');
  expectProblem(await upload(t, t.ada, path, form({ note: 'no file' }, null)), 400, 'validation_failed');
  expectProblem(await t.rest(t.ada).post(path, {}), 415, 'unsupported_media_type');
  expectProblem(await t.rest(t.ada).send('POST', path, { body: PDF, headers: { 'content-type': 'application/pdf' } }), 415, 'unsupported_media_type');
  const broken = { body: 'no boundary at all', headers: { 'content-type': 'multipart/form-data; boundary=x' } };
  expectProblem(await t.rest(t.ada).send('POST', path, broken), 400, 'validation_failed');
});

row(['R-ATT-9', 'R-LIM-3', 'R-SET-19'], 'a file has 25 MiB and not a byte more', async (t) => {
  const c = await t.begin();
  const bytes = Buffer.alloc(26_214_400, 7);
  assert.equal((await uploaded(t, t.ada, c, bytes)).size, 26_214_400);
  const answer = await upload(t, t.ada, `${c.path}/attachments`, form({}, Buffer.alloc(26_214_401, 7)));
  expectProblem(answer, 413, 'payload_too_large');
}, { slow: true });

row(['R-ATT-10', 'R-BODY-2', 'R-BODY-3', 'R-BODY-4'], 'a message shows its attachments in order, and needs no text with them', async (t) => {
  const c = await t.begin();
  const other = await t.begin({}, `d-${t.key}`);
  const files = [];
  for (let index = 0; index < 10; index += 1) files.push(await uploaded(t, t.ada, c, Buffer.from(`File ${index}`), { filename: `${index}.txt`, type: 'text/plain' }));
  const ids = files.map(({ id }) => ({ id }));
  const post = (body, user = t.ada, path = c.path) => t.rest(user).post(`${path}/messages`, body);
  const all = expect(await post({ content: '', attachments: ids.toReversed() }), 201, 'message');
  assert.deepEqual([all.attachments, all.content], [files.toReversed(), '']);
  assert.deepEqual(expect(await post({ attachments: ids.slice(0, 1) }), 201, 'message').attachments, files.slice(0, 1));
  expectProblem(await post({ content: 'Hi', attachments: [...ids, { id: files[0].id }] }), 400, 'validation_failed');
  expectProblem(await post({ content: 'Hi', attachments: [{ id: NOBODYS_ID }] }), 404, 'not_found');
  expectProblem(await post({ content: 'Hi', attachments: ids.slice(0, 1) }, t.ben), 404, 'not_found');
  expectProblem(await post({ content: 'Hi', attachments: ids.slice(0, 1) }, t.ada, other.path), 404, 'not_found');
  assert.deepEqual((await t.see(t.ben, c)).lastSeq, 3);
});

row('R-IDEM-5', 'the same clientMessageId with other attachments is a conflict', async (t) => {
  const c = await t.begin();
  const [one, two] = [await uploaded(t, t.ada, c), await uploaded(t, t.ada, c)];
  const post = (attachments) => t.rest(t.ada).post(`${c.path}/messages`, { content: 'Hi', clientMessageId: 'x', attachments });
  const sent = expect(await post([{ id: one.id }]), 201, 'message');
  assert.deepEqual(expect(await post([{ id: one.id }]), 200, 'message'), sent);
  for (const attachments of [[], [{ id: two.id }], [{ id: one.id }, { id: two.id }]]) expectProblem(await post(attachments), 409, 'conflict');
});

rowOverSockets(['R-ATT-10', 'R-TEXT-6', 'R-DEL-1', 'R-BODY-2'], 'attachments go over sockets, keep a message whose text is emptied, and go with it', async (t) => {
  const c = await t.begin();
  const file = await uploaded(t, t.ada, c);
  const [ada, ben, outside] = [await t.joined(t.ada, c), await t.joined(t.ben, c), await t.connect(t.ben)];
  const { conversationId } = c;
  const { message } = await done(ada, 'send_message', { conversationId, content: '', attachments: [{ id: file.id }] });
  assert.deepEqual([message.content, message.attachments], ['', [file]]);
  assert.deepEqual(await ben.message(2), message);
  assert.equal((await outside.event('message_notification')).preview, '');
  const place = { conversationId, messageId: message.id };
  await done(ada, 'edit_message', { ...place, content: 'Some text' });
  const emptied = (await done(ada, 'edit_message', { ...place, content: ' ' })).message;
  assert.deepEqual([emptied.content, emptied.attachments], ['', [file]]);
  await refused(ada, 'edit_message', { conversationId, messageId: c.first.id, content: '' }, 'validation_failed');
  expect(await t.rest(t.ada).patch(`${c.path}/messages/${message.id}`, { content: '' }), 200, 'message');
  const deleted = (await done(ada, 'delete_message', place)).message;
  assert.deepEqual([deleted.content, deleted.attachments], ['', []]);
  assert.deepEqual(await ben.event('message_deleted'), deleted);
});
