// Files: uploaded before and after there is a conversation, attached by REST and by sockets, read whole and in part.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { expect, expectProblem } from '../lib/rest.js';
import { check, connect, done, putContract, rest, scenario } from '../lib/scenario.js';

const MAX = 25 * 1024 * 1024;
const UPLOAD = '/api/messages/attachments';
const png = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(600_000, 7)]);
const picture = { name: 'Über "mich".png', type: 'image/png', bytes: png };
const note = (text) => ({ name: 'note.txt', type: 'text/plain', bytes: Buffer.from(text) });

scenario(async () => {
  await putContract('c-1', { milestones: [{ id: 'm-1' }] });
  const ada = rest('ada');
  const fields = { contractId: 'c-1' };

  const first = await check('a file can be uploaded before there is a conversation', async () => {
    const attachment = expect(await ada.upload(UPLOAD, picture, fields), 201, 'attachment');
    const sha256 = createHash('sha256').update(png).digest('hex');
    assert.deepEqual(attachment, {
      id: attachment.id, filename: picture.name, contentType: 'image/png', size: png.length, sha256,
      url: `/api/messages/attachments/${attachment.id}`,
    });
    assert.deepEqual((await rest('ben', 1).get('/api/messages/conversations')).body.items, []);
    return attachment;
  });
  const sent = await check('it goes with the first message, without any text', async () => {
    const draft = { ...fields, content: '', attachments: [{ id: first.id }], clientMessageId: 'first' };
    const message = expect(await rest('ada', 1).post('/api/messages', draft), 201, 'message');
    assert.deepEqual([message.attachments, message.content], [[first], '']);
    assert.deepEqual(expect(await ada.post('/api/messages', draft), 200, 'message'), message);
    const other = { ...draft, attachments: [], content: 'x' };
    expectProblem(await ada.post('/api/messages', other), 409, 'conflict');
    return message;
  });
  const place = `/api/messages/conversations/${sent.conversationId}`;
  await downloads(first, png);
  await check('a file goes with a message over a socket, and everyone who joined sees it', async () => {
    const clients = [await connect('ada', 0), await connect('ben', 1, 'plain')];
    for (const client of clients) await done(client, 'join_conversation', { conversationId: sent.conversationId });
    const attachment = expect(await rest('ben', 1).upload(`${place}/attachments`, note('Hello')), 201, 'attachment');
    const draft = { conversationId: sent.conversationId, content: 'See the note', attachments: [{ id: attachment.id }] };
    const { message } = await done(clients[1], 'send_message', draft);
    for (const client of clients) assert.deepEqual((await client.message(message.seq)).attachments, [attachment]);
    const page = await ada.get(`${place}/messages`);
    assert.deepEqual(page.body.items.map(({ attachments }) => attachments), [[first], [attachment]]);
  });
  await check('only what the sender uploaded to this conversation can be attached', async () => {
    const theirs = (await rest('ben').upload(`${place}/attachments`, note('Mine'))).body;
    await putContract('c-2');
    const elsewhere = (await ada.upload(UPLOAD, note('Elsewhere'), { contractId: 'c-2' })).body;
    const ofMilestone = (await ada.upload(UPLOAD, note('Milestone'), { ...fields, milestoneId: 'm-1' })).body;
    for (const id of [theirs.id, elsewhere.id, ofMilestone.id, 'f'.repeat(24)]) {
      expectProblem(await ada.post(`${place}/messages`, { content: 'x', attachments: [{ id }] }), 404, 'not_found');
      const draft = { contractId: 'c-2', content: 'x', attachments: [{ id }] };
      if (id !== elsewhere.id) expectProblem(await ada.post('/api/messages', draft), 404, 'not_found');
    }
    assert.equal((await ada.get('/api/messages/conversations')).body.items.length, 1, 'no conversation came of it');
  });
  await check('a text can be edited away next to a file, and a deletion takes the file along', async () => {
    const message = `${place}/messages/${sent.id}`;
    const draft = { ...fields, content: '', attachments: [{ id: first.id }], clientMessageId: 'first' };
    assert.equal(expect(await ada.patch(message, { content: 'About me' }), 200, 'message').content, 'About me');
    assert.deepEqual(expect(await ada.patch(message, { content: ' ' }), 200, 'message').attachments, [first]);
    assert.deepEqual(expect(await ada.delete(message), 200, 'message').attachments, []);
    assert.equal((await ada.download(first.url)).status, 404);
    const again = expect(await rest('ada', 1).post('/api/messages', draft), 200, 'message');
    assert.deepEqual([again.id, again.attachments], [sent.id, []]);
  });
  await refusals(place);
});

async function downloads(attachment, bytes) {
  const { url } = attachment;
  await check('both parties read it, on any replica, and it is never run by a browser', async () => {
    for (const [user, api] of [['ada', 0], ['ben', 1]]) {
      const whole = await rest(user, api).download(url);
      assert.equal(whole.status, 200);
      assert.ok(whole.bytes.equals(bytes));
      const header = (name) => whole.headers.get(name);
      assert.deepEqual(
        [header('content-type'), header('content-length'), header('accept-ranges'), header('x-content-type-options')],
        ['image/png', String(bytes.length), 'bytes', 'nosniff']);
      assert.equal(header('content-disposition'),
        `attachment; filename="_ber _mich_.png"; filename*=UTF-8''%C3%9Cber%20%22mich%22.png`);
    }
    for (const user of ['cleo', 'host']) assert.equal((await rest(user).download(url)).status, 404);
    assert.equal((await rest('nobody').download(url)).status, 401);
    const head = await rest('ada').send('HEAD', url);
    assert.deepEqual([head.status, head.headers.get('content-length'), head.text], [200, String(bytes.length), '']);
  });
  await check('a range brings its bytes', async () => {
    const size = bytes.length;
    const ranges = [
      ['bytes=0-0', 0, 0], ['bytes=261119-261120', 261_119, 261_120], ['bytes=600000-', 600_000, size - 1],
      ['bytes=-5', size - 5, size - 1], [`bytes=0-${size * 2}`, 0, size - 1],
    ];
    for (const [range, first, last] of ranges) {
      const part = await rest('ben').download(url, { range });
      assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes ${first}-${last}/${size}`], range);
      assert.ok(part.bytes.equals(bytes.subarray(first, last + 1)), range);
    }
    const beyond = await rest('ben').download(url, { range: `bytes=${size}-` });
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, `bytes */${size}`]);
    for (const range of ['bytes=5-1', 'lines=1-2', 'nonsense', 'bytes=0-1,5-6']) {
      const { status } = await rest('ben').download(url, { range });
      assert.equal(status, 200, range);
    }
    const tag = (await rest('ben').download(url)).headers.get('etag');
    assert.equal((await rest('ben').download(url, { 'if-none-match': tag })).status, 304);
    assert.equal((await rest('ben').download(url, { range: 'bytes=0-0', 'if-range': tag })).status, 206);
    assert.equal((await rest('ben').download(url, { range: 'bytes=0-0', 'if-range': '"old"' })).status, 200);
  });
}

async function refusals(place) {
  const ada = rest('ada');
  const path = `${place}/attachments`;
  await check('a file of exactly 25 MiB is taken, and one byte more is not', async () => {
    const bytes = Buffer.alloc(MAX + 1, 1);
    const file = { name: 'large.bin', type: 'application/octet-stream', bytes: bytes.subarray(1) };
    assert.equal(expect(await ada.upload(path, file), 201, 'attachment').size, MAX);
    expectProblem(await ada.upload(path, { ...file, bytes }), 413, 'payload_too_large');
    expectProblem(await ada.upload(UPLOAD, { ...file, bytes }, { contractId: 'c-1' }), 413, 'payload_too_large');
  });
  await check('bytes that are not what is claimed are refused or called what they are', async () => {
    const page = { name: 'a.png', type: 'image/png', bytes: Buffer.from('<!DOCTYPE html><script>alert(1)</script>') };
    expectProblem(await ada.upload(path, page), 415, 'unsupported_media_type');
    const unnamed = { name: 'a', type: '', bytes: png };
    assert.equal(expect(await ada.upload(path, unnamed), 201, 'attachment').contentType, 'image/png');
  });
  await check('strangers find nothing', async () => {
    expectProblem(await rest('cleo').upload(path, note('x')), 404, 'not_found');
    expectProblem(await rest('cleo').upload(UPLOAD, note('x'), { contractId: 'c-1' }), 404, 'not_found');
    expectProblem(await ada.upload(UPLOAD, note('x'), { contractId: 'c-1', milestoneId: 'none' }), 404, 'not_found');
    expectProblem(await ada.upload(`/api/messages/conversations/${'0'.repeat(24)}/attachments`, note('x')), 404, 'not_found');
    expectProblem(await ada.get('/api/messages/attachments/nonsense'), 400, 'validation_failed');
  });
  await check('a body of another form is refused', async () => {
    const form = new FormData();
    form.append('contractId', 'c-1');
    expectProblem(await ada.send('POST', UPLOAD, { body: form }), 400, 'validation_failed');
    expectProblem(await ada.upload(UPLOAD, note('x')), 400, 'validation_failed');
    expectProblem(await ada.upload(UPLOAD, note('x'), { contractId: 'not an id' }), 400, 'validation_failed');
    expectProblem(await ada.post(path, { file: 'x' }), 415, 'unsupported_media_type');
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const broken = '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nbroken off';
    expectProblem(await ada.send('POST', path, { headers, body: broken }), 400, 'validation_failed');
    const two = new FormData();
    for (const name of ['a', 'b']) two.append('file', new Blob(['x']), name);
    expectProblem(await ada.send('POST', path, { body: two }), 400, 'validation_failed');
  });
}
