import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ConversationHandle, Message } from '../src/index.js';
import { until, within } from './support/until.js';
import { Watcher } from './support/watcher.js';
import { hasStored, live, range, status, storedIn, world } from './support/world.js';

const here = world();

/** The text and state of each message that is shown. */
function shown(handle: ConversationHandle): string[] {
  return handle.get().messages.map(({ content, state }) => `${content} ${state}`);
}

test('what is written while offline is shown as sending, and sent in its order once online', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const { client, link } = await here.behindLink(ada);
  const adas = await live(client, id);
  const bens = await live(await here.connected(ben), id);
  const watcher = new Watcher(adas);
  link.down();
  await status(client, 'offline');
  assert.equal(adas.get().status, 'offline');
  const sent = range(5).map((number) => adas.send(`Offline ${String(number)}`));
  assert.deepEqual(
    shown(adas).slice(1),
    range(5).map((number) => `Offline ${String(number)} sending`),
  );
  assert.equal(adas.get().messages.length, 6, 'the list stays');
  await bens.send('Meanwhile');
  link.mend();
  const stored = await within('all are stored', Promise.all(sent));
  assert.deepEqual(
    stored.map(({ seq }) => seq),
    [3, 4, 5, 6, 7],
  );
  await hasStored(adas, 7);
  await hasStored(bens, 7);
  assert.deepEqual(storedIn(adas), await here.log(id, ben));
  assert.equal(adas.get().messages.length, 7);
  assert.deepEqual(watcher.faults, []);
  assert.deepEqual(watcher.statuses.slice(-2), ['offline', 'live']);
});

test('a call while offline is refused as unavailable, and nothing of it is sent later', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const { client, link } = await here.behindLink(ada);
  const adas = await live(client, id);
  link.down();
  await status(client, 'offline');
  const first = adas.get().messages[0] as Message;
  await assert.rejects(adas.edit(first.id, 'Changed'), { code: 'unavailable', isRetryable: true });
  await assert.rejects(client.call('delete_message', { conversationId: id, messageId: first.id }), { code: 'unavailable' });
  link.mend();
  await status(client, 'connected');
  await adas.send('Second');
  assert.deepEqual(
    (await here.log(id, ada)).map(({ content }) => content),
    ['First', 'Second'],
  );
});

test('edits and deletions of others that were made while offline are seen after a short cut', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, 'One');
  const two = await here.service.as<Message>(ada, 'POST', `/api/messages/conversations/${id}/messages`, { content: 'Two' });
  const adas = await live(await here.connected(ada), id);
  const { client, link } = await here.behindLink(ben);
  const bens = await live(client, id);
  await hasStored(bens, 2);
  link.down();
  await status(client, 'offline');
  const one = adas.get().messages[0] as Message;
  await adas.edit(one.id, 'One, edited');
  await adas.delete(two.id);
  await adas.send('Three');
  link.mend();
  await until('all is seen', () => shown(bens).join() === 'One, edited sent, sent,Three sent');
  assert.deepEqual(storedIn(bens), await here.log(id, ben));
});

test('a service that was killed and came back: nothing is lost, waiting messages go out, changes are seen', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, 'One');
  const clients = [await here.connected(ada), await here.connected(ben)] as const;
  const [adas, bens] = await Promise.all(clients.map((client) => live(client, id)));
  assert.ok(adas !== undefined && bens !== undefined);
  const watchers = [new Watcher(adas), new Watcher(bens)];
  await bens.send('Two');
  await hasStored(adas, 2);
  await here.service.kill();
  await Promise.all(clients.map((client) => status(client, 'offline')));
  const waiting = range(10)
    .map((number) => [adas.send(`A ${String(number)}`), bens.send(`B ${String(number)}`)])
    .flat();
  await here.service.restart();
  const one = adas.get().messages[0] as Message;
  await here.service.as<Message>(ada, 'PATCH', `/api/messages/conversations/${id}/messages/${one.id}`, { content: 'One, edited' });
  await within('all are stored', Promise.all(waiting), 60_000);
  const log = await here.log(id, ada);
  assert.equal(log.length, 22);
  for (const handle of [adas, bens]) {
    await hasStored(handle, 22);
    await until('the edit is seen', () => handle.get().messages[0]?.content === 'One, edited');
    assert.deepEqual(storedIn(handle), log);
    assert.equal(handle.get().messages.length, 22);
    assert.deepEqual(
      log.filter(({ content }) => content.startsWith('A')).map(({ content }) => content),
      range(10).map((n) => `A ${String(n)}`),
    );
  }
  for (const { faults } of watchers) assert.deepEqual(faults, []);
});

test('more than a replay can hold is fetched after an outage, and so is what comes meanwhile', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, '1');
  const { client, link } = await here.behindLink(ben);
  const bens = await live(client, id);
  const watcher = new Watcher(bens);
  link.down();
  await status(client, 'offline');
  const adas = await here.connected(ada);
  const handle = adas.conversation(id);
  await within('700 are sent', Promise.all(range(700).map((number) => handle.send(String(number + 1)))), 60_000);
  // A restart forgets the connection, so that the client has to join anew, with more to be told than is replayed.
  await here.service.kill();
  await here.service.restart();
  link.mend();
  await status(adas, 'connected');
  const further = Promise.all(range(50).map((number) => handle.send(String(number + 701))));
  await within('all are sent', further, 60_000);
  await hasStored(bens, 751);
  assert.deepEqual(storedIn(bens), await here.log(id, ben));
  assert.deepEqual(watcher.faults, []);
});

test('a thread that was left and is opened again shows what happened meanwhile', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada, 'One');
  const adas = await live(await here.connected(ada), id);
  const client = await here.connected(ben);
  const bens = client.conversation(id);
  const notified: number[] = [];
  client.on('message_notification', ({ seq }) => notified.push(seq));
  const close = bens.open();
  await until('it is live', () => bens.get().status === 'live');
  close();
  close();
  assert.equal(bens.get().status, 'idle');
  await until('it is left', async () => {
    await adas.send('Are you there?');
    return notified.length > 0;
  });
  await adas.edit((adas.get().messages[0] as Message).id, 'One, edited');
  await live(client, id);
  await until('all is seen', () => bens.get().messages.length === adas.get().messages.length);
  await until('the edit is seen', () => bens.get().messages[0]?.content === 'One, edited');
  assert.deepEqual(storedIn(bens), await here.log(id, ben));
});
