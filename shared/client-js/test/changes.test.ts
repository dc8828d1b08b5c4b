import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MessagingError } from '../src/index.js';
import type { Message } from '../src/index.js';
import { until } from './support/until.js';
import { hasStored, live, range, storedIn, world } from './support/world.js';

const here = world();

const withCode = (code: string) => (error: unknown) => error instanceof MessagingError && error.code === code;

test('an edit and a deletion are seen by both, in the thread and in the list', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adasClient = await here.connected(ada);
  const adas = await live(adasClient, id);
  const bens = await live(await here.connected(ben), id);
  await adasClient.conversations.loadMore();
  const message = await adas.send('Draught');
  const before = bens.get().messages;
  const edited = await adas.edit(message.id, 'Draft');
  assert.notEqual(edited.editedAt, null);
  await until('it is seen', () => bens.get().messages[1]?.content === 'Draft');
  assert.equal(bens.get().messages[0], before[0], 'another message is the same object');
  assert.equal(adasClient.conversations.get().items[0]?.lastMessage?.content, 'Draft');
  await assert.rejects(bens.edit(message.id, 'Mine'), withCode('forbidden'));
  await assert.rejects(adas.edit(message.id, 'x'.repeat(10_001)), withCode('validation_failed'));
  await adas.delete(message.id);
  await until('it is gone', () => storedIn(bens)[1]?.deletedAt !== null);
  assert.equal(bens.get().messages[1]?.content, '');
  assert.notEqual(adasClient.conversations.get().items[0]?.lastMessage?.deletedAt, null);
  await assert.rejects(adas.delete(message.id), withCode('conflict'));
  assert.deepEqual(storedIn(bens), await here.log(id, ada));
});

test('edits while earlier messages are being loaded are not lost to the older answer', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, '1');
  const adas = await live(await here.connected(ada), id);
  for (const number of range(80).slice(1)) await adas.send(String(number));
  await hasStored(adas, 80);
  const bens = await live(await here.connected(ben), id);
  const early = adas.get().messages.slice(0, 30) as Message[];
  const edits = early.map(({ id: messageId, seq }) => adas.edit(messageId, `${String(seq)}, edited`));
  await Promise.all([bens.loadEarlier(), ...edits]);
  await until('all edits are seen', () =>
    storedIn(bens)
      .slice(0, 30)
      .every(({ editedAt }) => editedAt !== null),
  );
  assert.deepEqual(storedIn(bens), await here.log(id, ben));
});

test('search finds each word, newest first', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, 'A red apple');
  const adas = await live(await here.connected(ada), id);
  for (const content of ['A green apple', 'A red car', 'RED Äpple']) await adas.send(content);
  const bens = here.client(ben).conversation(id);
  const found = await bens.search('red apple');
  assert.deepEqual(
    found.map(({ content }) => content),
    ['RED Äpple', 'A red apple'],
  );
  assert.equal((await bens.search('a', 1)).length, 1);
  await assert.rejects(bens.search(''), withCode('validation_failed'));
});

test('a conversation of others is not found, and is tried again when it is opened again', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const { ada: stranger } = await here.service.pair();
  const handle = (await here.connected(stranger)).conversation(id);
  const close = handle.open();
  await until('it has failed', () => handle.get().status === 'failed');
  assert.equal(handle.get().error?.code, 'not_found');
  close();
  assert.equal(handle.get().status, 'idle');
  handle.open();
  assert.equal(handle.get().status, 'loading');
  await until('it has failed again', () => handle.get().status === 'failed');
});

test('listeners to events are called after the client’s own state, and one that throws stops no other', async (context) => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = await here.connected(ben);
  const bens = await live(client, id);
  // What browsers report uncaught errors by; this runner would take an uncaught error for its own.
  const reported: unknown[] = [];
  const scope = globalThis as { reportError?: (error: unknown) => void };
  scope.reportError = (error) => reported.push(error);
  context.after(() => {
    delete scope.reportError;
  });
  client.on('new_message', () => {
    throw new Error('a fault of the application');
  });
  const seen: number[] = [];
  const end = client.on('new_message', ({ seq }) => seen.push(seq * 100 + bens.get().messages.length));
  await (await live(await here.connected(ada), id)).send('Second');
  await until('it is heard', () => seen.length === 1);
  assert.deepEqual(seen, [202]);
  end();
  assert.deepEqual(reported, [new Error('a fault of the application')]);
});
