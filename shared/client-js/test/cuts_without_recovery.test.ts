import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exchange } from './support/exchange.js';
import { world } from './support/world.js';

const here = world({ RECOVERY_SECONDS: '0' });

test('where the service recovers no connection, both sides show the log all the same', async (context) => {
  const seen = await exchange(here, { messages: 1_000, cuts: 20, options: {} });
  assert.ok(seen.reconnects >= 20, `${String(seen.reconnects)} reconnects`);
  context.diagnostic(JSON.stringify(seen));
});
