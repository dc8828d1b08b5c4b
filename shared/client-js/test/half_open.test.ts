import assert from 'node:assert/strict';
import { test } from 'node:test';

import { status, world } from './support/world.js';

// One connection for each user, no recovery, and a service that takes a silent peer for gone after two seconds.
const here = world({ CONNECTIONS_PER_USER_MAX: '1', RECOVERY_SECONDS: '0', PING_INTERVAL_MS: '1000', PING_TIMEOUT_MS: '1000' });

test('a client whose own lost connection still counts against the limit waits until it is gone', async () => {
  const { ada } = await here.service.pair();
  const { client, link } = await here.behindLink(ada, { transports: ['websocket'] });
  const errors: (string | undefined)[] = [];
  const statuses: string[] = [];
  client.connection.subscribe(() => {
    const { status: name, error } = client.connection.get();
    statuses.push(name);
    errors.push(error?.code);
  });
  link.halfOpen();
  await status(client, 'offline');
  link.mend();
  await status(client, 'connected');
  assert.ok(errors.includes('limit_reached'), errors.join());
  assert.ok(!statuses.includes('refused'), statuses.join());
});
