import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MessagingError } from '../src/index.js';
import { within } from './support/until.js';
import { Watcher } from './support/watcher.js';
import { hasStored, live, range, status, storedIn, world } from './support/world.js';

// The rates of a service as it is delivered, and two connections for each user.
const here = world({ EVENTS_PER_SECOND: '20', EVENTS_BURST: '40', REQUESTS_PER_SECOND: '50', CONNECTIONS_PER_USER_MAX: '2' });

test('what is sent too fast is sent again: all of it is stored, in order, and none has failed', async (context) => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = await here.connected(ada);
  const adas = await live(client, id);
  const watcher = new Watcher(adas);
  let limited = 0;
  const end = adas.subscribe(() => {
    const errors = adas.get().messages.map((message) => (message.state === 'sent' ? null : message.error));
    if (errors.some((error) => error?.code === 'rate_limited')) limited += 1;
  });
  const begunAt = Date.now();
  const sent = await within('all are stored', Promise.all(range(120).map((number) => adas.send(String(number)))), 60_000);
  end();
  context.diagnostic(`${String(Date.now() - begunAt)} ms`);
  assert.ok(limited > 0, 'the limit was met');
  assert.deepEqual(
    sent.map(({ seq }) => seq),
    range(121).slice(1),
  );
  await hasStored(adas, 121);
  assert.deepEqual(
    storedIn(adas)
      .slice(1)
      .map(({ content }) => content),
    range(120).map(String),
  );
  assert.deepEqual(watcher.faults, []);
  assert.equal(client.connection.get().status, 'connected');
});

test('a call that is limited is refused as such, and says that it may succeed later', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const client = await here.connected(ada);
  const calls = range(80).map(() => client.call('typing', { conversationId: id, isTyping: true }));
  const outcomes = await Promise.allSettled(calls);
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  assert.ok(errors.length > 0);
  for (const error of errors) {
    assert.ok(error instanceof MessagingError);
    assert.deepEqual([error.code, error.isRetryable], ['rate_limited', true]);
  }
});

test('a connection over the limit is refused and not tried again by itself, but when it is asked for', async () => {
  const { ada } = await here.service.pair();
  const first = await here.connected(ada);
  await here.connected(ada);
  const third = here.client(ada);
  const refused = (error: unknown): boolean => error instanceof MessagingError && error.code === 'limit_reached';
  await assert.rejects(third.connect(), refused);
  const { status: name, error } = third.connection.get();
  assert.deepEqual([name, error?.code], ['refused', 'limit_reached']);
  first.close();
  await within(
    'the place is free',
    (async () => {
      while (third.connection.get().status !== 'connected') await third.connect().catch(() => undefined);
    })(),
  );
  await status(third, 'connected');
});
