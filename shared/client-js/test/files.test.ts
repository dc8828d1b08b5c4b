import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JSDOM } from 'jsdom';

import { MessagingError } from '../src/index.js';
import { hasStored, live, only, storedIn, world } from './support/world.js';

const here = world({ CORS_ORIGINS: 'http://localhost:3000', ATTACHMENT_BYTES_MAX: '4000000' });

const withCode = (code: string) => (error: unknown) => error instanceof MessagingError && error.code === code;

/** Makes a browser's way to upload the global one until the end of the test. */
function browser(context: { after: (done: () => void) => void }): JSDOM['window'] {
  const { window } = new JSDOM('', { url: 'http://localhost:3000/' });
  const names = ['XMLHttpRequest', 'FormData', 'Blob', 'File'] as const;
  const scope = globalThis as Record<string, unknown>;
  const before = names.map((name) => [name, scope[name]] as const);
  for (const name of names) scope[name] = window[name];
  context.after(() => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(scope, name);
      else scope[name] = value;
    }
    window.close();
  });
  return window;
}

test('a file is uploaded, sent, and downloaded by the other participant alone', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const bens = await here.connected(ben);
  const progress: [number, number][] = [];
  const file = new File(['The brief: grüße 🙂'], 'brief.txt', { type: 'text/plain' });
  const attachment = await adas.upload(file, { onProgress: (sent, total) => progress.push([sent, total]) });
  assert.deepEqual([attachment.filename, attachment.contentType, attachment.size], ['brief.txt', 'text/plain', file.size]);
  assert.deepEqual(progress, [
    [0, file.size],
    [file.size, file.size],
  ]);
  await adas.send('', { attachments: [attachment] });
  const handle = await live(bens, id);
  await hasStored(handle, 2);
  const received = only(storedIn(handle)[1]?.attachments ?? []);
  assert.deepEqual(received, attachment);
  const bytes = await bens.download(received);
  assert.equal(await bytes.text(), 'The brief: grüße 🙂');
  const { ada: stranger } = await here.service.pair();
  await assert.rejects(here.client(stranger).download(received), withCode('not_found'));
});

test('a file can be uploaded before there is a conversation', async () => {
  const { contractId, ada } = await here.service.pair({ milestones: ['m-1'] });
  const client = await here.connected(ada);
  const attachment = await client.uploadFor(contractId, 'm-1', new Blob(['x']), { filename: 'x.bin' });
  const { message } = await client.start(contractId, 'm-1', '', { attachments: [attachment] });
  assert.deepEqual([message.attachments.length, message.milestoneId], [1, 'm-1']);
  const other = await client.uploadFor(contractId, null, new Blob(['y']));
  assert.equal(other.filename, 'file');
});

test('in a browser an upload tells how far it is', async (context) => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const window = browser(context);
  const handle = here.client(ada).conversation(id);
  const file = new window.File([new Uint8Array(3_000_000)], 'large.bin', { type: 'application/octet-stream' });
  const progress: number[] = [];
  let total = 0;
  const attachment = await handle.upload(file, {
    onProgress: (sent, all) => {
      progress.push(sent);
      total = all;
    },
  });
  assert.deepEqual([attachment.size, attachment.filename], [3_000_000, 'large.bin']);
  assert.deepEqual(
    progress,
    [...progress].sort((one, other) => one - other),
  );
  assert.equal(progress.at(-1), total, JSON.stringify(progress));
  assert.ok(total >= 3_000_000);
});

test('in a browser an upload can be aborted, and is refused with the service’s code', async (context) => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const window = browser(context);
  const handle = here.client(ada).conversation(id);
  const file = (size: number): Blob => new window.File([new Uint8Array(size)], 'large.bin');
  const stop = new AbortController();
  const reason = new Error('not this one');
  const aborted = handle.upload(file(3_000_000), {
    signal: stop.signal,
    onProgress: () => {
      stop.abort(reason);
    },
  });
  await assert.rejects(aborted, reason);
  await assert.rejects(handle.upload(file(1), { signal: stop.signal }), reason);
  await assert.rejects(handle.upload(file(5_000_000)), withCode('payload_too_large'));
  const strange = here.client((await here.service.pair()).ada).conversation(id);
  await assert.rejects(strange.upload(file(1)), withCode('not_found'));
});

test('an upload can be aborted, and is refused with the service’s code', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const handle = here.client(ada).conversation(id);
  const stop = new AbortController();
  const aborted = handle.upload(new Blob([new Uint8Array(3_000_000)]), { signal: stop.signal });
  stop.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
  await assert.rejects(handle.upload(new Blob([new Uint8Array(5_000_000)])), withCode('payload_too_large'));
});

test('a download can be aborted', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = here.client(ada);
  const attachment = await client.conversation(id).upload(new Blob([new Uint8Array(3_000_000)]));
  const stop = new AbortController();
  const download = client.download(attachment, { signal: stop.signal });
  stop.abort();
  await assert.rejects(download, { name: 'AbortError' });
});
