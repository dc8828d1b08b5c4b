import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { MessagingError } from '../src/index.js';
import type { ServerEvents } from '../src/index.js';
import { until, within } from './support/until.js';
import { hasStored, live, status, world } from './support/world.js';

const here = world();

const withCode = (code: string) => (error: unknown) => error instanceof MessagingError && error.code === code;

test('a token is replaced before it expires, and the connection stays', async () => {
  const { contractId, ada } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  const tokens: string[] = [];
  const token = async (): Promise<string> => {
    // The first one is short-lived, the second one holds for longer than the test.
    tokens.push(await here.service.mintedToken(ada, tokens.length === 0 ? 4 : 60));
    return tokens.at(-1) ?? '';
  };
  const client = await here.connected(ada, { token, refreshBeforeMs: 2_000 });
  assert.equal(client.userId, ada);
  const handle = await live(client, id);
  const { since } = client.connection.get();
  let expired = 0;
  client.on('token_expired', () => (expired += 1));
  await until('a second token was asked for', () => tokens.length === 2);
  const firstEndsAt = Date.now() + 4_000;
  await until('the first token is over', () => Date.now() > firstEndsAt, 10_000);
  await handle.send('Still here');
  assert.deepEqual([client.connection.get().status, client.connection.get().since], ['connected', since]);
  assert.deepEqual([tokens.length, expired], [2, 0]);
});

test('a connection whose token expired comes back with a fresh one, and misses nothing', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ada);
  let asked = 0;
  const client = await here.connected(ada, {
    // The application gives no better token before the first one is over.
    token: () => {
      asked += 1;
      return here.service.token(ada, { expiresInSeconds: asked === 1 ? 2 : 60 });
    },
  });
  const expired: ServerEvents['token_expired'][] = [];
  client.on('token_expired', (data) => expired.push(data));
  const handle = await live(client, id);
  const bens = await live(await here.connected(ben), id);
  await status(client, 'offline');
  await bens.send('Missed');
  await status(client, 'connected');
  await hasStored(handle, 2);
  assert.deepEqual(expired, [{}]);
  assert.equal(asked >= 2, true);
  await handle.send('Back again');
});

test('a user who is revoked is refused unless there is a newer token, with which the client goes on', async () => {
  const { ada } = await here.service.pair();
  const old = here.service.token(ada);
  let current = old;
  const client = await here.connected(ada, { token: () => current });
  const { before } = await here.service.revoke(ada);
  await status(client, 'refused');
  assert.equal(client.connection.get().error?.code, 'unauthorized');
  await assert.rejects(client.connect(), withCode('unauthorized'));
  // A token holds again from the second after the revocation.
  const revokedIn = Math.floor(Date.parse(before) / 1_000);
  await until('the next second has begun', () => Math.floor(Date.now() / 1_000) > revokedIn);
  current = here.service.token(ada);
  await within('it is let in', client.connect());
  assert.equal(client.connection.get().status, 'connected');
});

test('a bad token is tried once more with a fresh one; then the client is refused until it is asked again', async () => {
  const { ada } = await here.service.pair();
  let asked = 0;
  let isGood = false;
  const client = here.client(ada, {
    token: () => {
      asked += 1;
      return isGood ? here.service.token(ada) : 'nonsense';
    },
  });
  await assert.rejects(client.connect(), withCode('unauthorized'));
  assert.equal(asked, 2);
  assert.deepEqual([client.connection.get().status, client.connection.get().error?.code], ['refused', 'unauthorized']);
  isGood = true;
  await within('it is let in', client.connect());
  assert.equal(client.connection.get().status, 'connected');
  assert.equal(client.connection.get().error, null);
});

test('a page that is not let in by its origin is told so, and does not try for ever', async () => {
  const { ada } = await here.service.pair();
  let asked = 0;
  // As a front or the service answers a poll of a browser whose page is not in CORS_ORIGINS; node names no origin.
  const front = createServer((_, response) => {
    asked += 1;
    response.writeHead(403).end();
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as AddressInfo;
  const client = here.client(ada, { url: `http://127.0.0.1:${String(port)}`, transports: ['polling'] });
  await assert.rejects(client.connect(), withCode('forbidden'));
  assert.deepEqual([client.connection.get().status, asked], ['refused', 1]);
  front.close();
});

test('a stale token that the application had kept is replaced without anybody noticing', async () => {
  const { ada } = await here.service.pair();
  let asked = 0;
  const client = here.client(ada, {
    token: () => {
      asked += 1;
      return here.service.token(ada, { expiresInSeconds: asked === 1 ? -60 : 60 });
    },
  });
  await within('it is let in', client.connect());
  assert.equal(asked, 2);
});

test('an application that cannot give a token now is asked again', async () => {
  const { ada } = await here.service.pair();
  let asked = 0;
  const client = here.client(ada, {
    token: () => {
      asked += 1;
      return asked < 3 ? Promise.reject(new TypeError('no network')) : Promise.resolve(here.service.token(ada));
    },
  });
  const connecting = client.connect();
  await status(client, 'offline');
  assert.equal(client.connection.get().error?.code, 'unavailable');
  await within('it is connected', connecting);
  assert.equal(asked, 3);
});

test('an application that has no token for good is not asked again', async () => {
  const { ada } = await here.service.pair();
  const client = here.client(ada, {
    token: () => {
      throw new MessagingError('unauthorized', 'signed out');
    },
  });
  await assert.rejects(client.connect(), withCode('unauthorized'));
  assert.equal(client.connection.get().status, 'refused');
});

test('a client is for one user: another one’s token is refused', async () => {
  const { ada, ben } = await here.service.pair();
  let userId = ada;
  // Between two polls there would be nothing to cut.
  const transports: ['websocket'] = ['websocket'];
  const { client, link } = await here.behindLink(ada, { token: () => here.service.token(userId), transports });
  userId = ben;
  link.cut();
  await status(client, 'refused');
  assert.equal(client.connection.get().error?.code, 'forbidden');
  assert.equal(client.userId, ada);
});

test('a call by REST whose token is refused is made once more with a fresh one', async () => {
  const { contractId, ada } = await here.service.pair({ title: 'A website' });
  let asked = 0;
  const client = here.client(ada, {
    token: () => {
      asked += 1;
      return asked === 1 ? 'nonsense' : here.service.token(ada);
    },
  });
  assert.equal((await client.contract(contractId)).title, 'A website');
  assert.equal(asked, 2);
  const always = here.client(ada, { token: () => 'nonsense' });
  await assert.rejects(always.contract(contractId), withCode('unauthorized'));
});
