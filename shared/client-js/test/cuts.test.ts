import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exchange } from './support/exchange.js';
import { world } from './support/world.js';

const here = world();

const MESSAGES = 1_000;
const CUTS = 20;

for (const transports of [['websocket'], undefined] as const) {
  const name = transports?.join() ?? 'the default ones';
  test(`${String(MESSAGES)} messages and ${String(CUTS)} cuts: both sides show the log, each message once (transports: ${name})`, async (context) => {
    const options = transports === undefined ? {} : { transports: [...transports] };
    const seen = await exchange(here, { messages: MESSAGES, cuts: CUTS, options });
    assert.ok(seen.reconnects >= CUTS, `${String(seen.reconnects)} reconnects`);
    context.diagnostic(JSON.stringify(seen));
  });
}
