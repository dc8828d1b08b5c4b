import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { MessagingError } from '../src/index.js';
import { until, within } from './support/until.js';
import { Watcher } from './support/watcher.js';
import { hasStored, live, only, range, status, storedIn, world } from './support/world.js';

const here = world();

const withCode = (code: string) => (error: unknown) => error instanceof MessagingError && error.code === code;

test('what the service refuses has failed and stays to be seen; the next one goes on; it is sent again or discarded', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = await here.connected(ada);
  const adas = await live(client, id);
  const stranger = { id: 'a'.repeat(24), filename: 'x', contentType: 'text/plain', size: 1, sha256: '', url: '' };
  const outcomes = await Promise.allSettled([
    adas.send('With a file that is not there', { attachments: [stranger], clientMessageId: 'refused' }),
    adas.send('\u0007', { clientMessageId: 'bell' }),
    adas.send('Fine'),
  ]);
  assert.deepEqual(
    outcomes.map(({ status: outcome }) => outcome),
    ['rejected', 'rejected', 'fulfilled'],
  );
  const failed = adas.get().messages.filter(({ state }) => state === 'failed');
  assert.deepEqual(
    failed.map(({ clientMessageId }) => clientMessageId),
    ['refused', 'bell'],
  );
  assert.deepEqual(
    failed.map((message) => message.state !== 'sent' && message.error?.code),
    ['not_found', 'validation_failed'],
  );
  await assert.rejects(adas.retry('refused'), withCode('not_found'));
  adas.discard('bell');
  assert.deepEqual(
    adas
      .get()
      .messages.slice(-1)
      .map(({ clientMessageId }) => clientMessageId),
    ['refused'],
  );
  adas.discard('refused');
  await hasStored(adas, 2);
  assert.equal(adas.get().messages.length, 2);
  await assert.rejects(adas.retry('refused'), withCode('not_found'));
});

test('a name that was used for another message is a conflict; for the same one it stores nothing twice', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const first = await adas.send('Once', { clientMessageId: 'name' });
  const again = await adas.send('Once', { clientMessageId: 'name' });
  assert.equal(again.id, first.id);
  await assert.rejects(adas.send('Another', { clientMessageId: 'name' }), withCode('conflict'));
  adas.discard('name');
  await until('nothing else is shown', () => adas.get().messages.length === 2);
  assert.equal((await here.log(id, ada)).length, 2);
});

test('a failed message that can be sent by now is stored when it is sent again', async () => {
  const { contractId, ada } = await here.service.pair();
  // The id that the conversation will have once it has its first message.
  const id = createHash('sha256').update(contractId).digest('hex').slice(0, 24);
  const handle = (await here.connected(ada)).conversation(id);
  await assert.rejects(handle.send('Too early', { clientMessageId: 'early' }), withCode('not_found'));
  assert.equal(only(handle.get().messages).state, 'failed');
  assert.equal(await here.conversation(contractId, ada), id);
  handle.open();
  await hasStored(handle, 1);
  const stored = handle.retry('early');
  assert.deepEqual(
    handle.get().messages.map(({ state }) => state),
    ['sent', 'sending'],
  );
  assert.equal(handle.retry('early'), handle.retry('early'), 'it is on its way once');
  assert.equal((await stored).seq, 2);
  await hasStored(handle, 2);
  assert.equal(handle.get().messages.length, 2);
});

test('a name is its sender’s own: the other participant’s message with the same one is another message', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const adas = await live(await here.connected(ada), id);
  const bens = await live(await here.connected(ben), id);
  await Promise.all([adas.send('By ada', { clientMessageId: 'x' }), bens.send('By ben', { clientMessageId: 'x' })]);
  for (const handle of [adas, bens]) {
    await hasStored(handle, 3);
    assert.equal(handle.get().messages.length, 3);
  }
});

test('what is empty or too long fails at once and never reaches the service', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const { client, link } = await here.behindLink(ada);
  const adas = await live(client, id);
  for (const content of ['', ' \n ', 'x'.repeat(10_001), ' '.repeat(200_000)]) {
    await assert.rejects(adas.send(content, { clientMessageId: 'bad' }), withCode('validation_failed'));
    adas.discard('bad');
  }
  const longest = await adas.send('🙂'.repeat(10_000));
  assert.equal(longest.content.length, 20_000);
  assert.equal(link.accepted > 0, true);
  assert.equal(adas.get().status, 'live');
});

test('no more than 1,000 messages wait in a conversation', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = here.client(ada);
  const adas = client.conversation(id);
  const waiting = range(1_000).map((number) => adas.send(String(number)));
  assert.equal(adas.get().messages.length, 1_000);
  await assert.rejects(adas.send('One more'), withCode('limit_reached'));
  assert.equal(adas.get().messages.length, 1_000);
  await client.connect();
  await within('all are stored', Promise.all(waiting), 60_000);
  assert.deepEqual(
    (await here.log(id, ada)).slice(1).map(({ content }) => content),
    range(1_000).map(String),
  );
  await adas.send('One more');
});

test('one that waits can be discarded, and is not sent', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const { client, link } = await here.behindLink(ada);
  const adas = await live(client, id);
  const watcher = new Watcher(adas);
  link.down();
  await status(client, 'offline');
  const [first, second, third] = ['First', 'Second', 'Third'].map((text) => adas.send(text, { clientMessageId: text }));
  const discarded = assert.rejects(second ?? Promise.resolve(), withCode('discarded'));
  adas.discard('Second');
  await discarded;
  assert.deepEqual(
    adas
      .get()
      .messages.slice(1)
      .map(({ content }) => content),
    ['First', 'Third'],
  );
  link.mend();
  await within('the others are stored', Promise.all([first, third]));
  await hasStored(adas, 3);
  assert.deepEqual(
    storedIn(adas).map(({ content }) => content),
    ['First', 'First', 'Third'],
  );
  assert.deepEqual(watcher.faults, []);
});

test('a thread that nobody has open sends, too, and shows nothing twice when it is opened', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = await here.connected(ada);
  const handle = client.conversation(id);
  const sent = await handle.send('Unseen');
  assert.equal(sent.seq, 2);
  assert.equal(handle.get().messages.length, 0);
  await live(client, id);
  assert.deepEqual(
    storedIn(handle).map(({ content }) => content),
    ['First', 'Unseen'],
  );
});

test('closing the client ends what waits', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = here.client(ada);
  const handle = client.conversation(id);
  const ends = [assert.rejects(handle.send('Never'), withCode('closed')), assert.rejects(handle.markAsRead(1), withCode('closed'))];
  client.close();
  await Promise.all(ends);
  assert.equal(only(handle.get().messages).state, 'failed');
  await assert.rejects(handle.send('Too late'), withCode('closed'));
  await assert.rejects(client.connect(), withCode('closed'));
  assert.equal(client.connection.get().status, 'closed');
});
