// The host signs by keys that it publishes at a URL: they come late, they change, and nobody starts anything anew.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { ask } from '../lib/host.js';
import { Key, Publisher } from '../lib/keys.js';
import { PlainClient } from '../lib/plain.js';
import { Rest, expect, expectProblem } from '../lib/rest.js';
import { apis, check, connect, done, gateways, putContract, range, scenario, tokens, transports } from '../lib/scenario.js';
import { SocketClient, refusal } from '../lib/socket.js';

const ROTATIONS = ['ES256', 'EdDSA', 'RS256', 'ES256'];
const REQUESTS_PER_KEY = 60;
const WORKERS = 6;

const keys = ['RS256', 'ES256', 'EdDSA'].map((alg) => new Key(`first-${alg}`, alg));
const publisher = new Publisher(Number(process.argv[2]), keys);
const list = '/api/messages/conversations';
const get = (token, path = list, api = 0) => new Rest(apis[api], token).get(path);

scenario(async () => {
  const [first] = keys;
  let early;
  await check('without keys nobody can be checked, and nobody is told that he is wrong', async () => {
    const answer = await get(first.token('ada'));
    expectProblem(answer, 503, 'unavailable');
    assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    expectProblem(await get(tokens.ada), 401, 'unauthorized');
    // Not a connect_error, after which a client gives up: its transport is closed, and it comes again.
    early = new SocketClient('early', gateways[0], first.token('ada'), { reconnectionDelayMax: 500 });
    early.socket.on('connect_error', (error) => early.record('refused', error.message));
    await early.until('closed once', () => early.disconnects.length > 0);
    assert.deepEqual([early.all('connected'), early.all('refused')], [[], []]);
  });
  await publisher.open();
  await ask('see everybody ready');
  await check('who came too early is let in without another word of his', () => early.event('connected'));
  early.close();
  signBy(first);
  await putContract();
  await check('tokens of each kind of key are accepted by REST and by sockets', async () => {
    for (const key of keys) {
      signBy(key);
      for (const api of [0, 1]) expect(await get(key.token('ada'), list, api), 200);
      for (const transport of ['default', 'plain']) (await connect('ada', 0, transport)).close();
    }
  });
  await check('what no key has signed is refused everywhere', () => forgeries(first));
  const ada = await connect('ada', 0);
  const ben = await connect('ben', 1, 'plain');
  await check('keys rotate under requests, and each good token is accepted', () => rotate([ada, ben]));
  await check('a key that is no longer published is refused, on each replica', async () => {
    for (const api of [0, 1]) await untilRefused(first, api);
    for (const gateway of [0, 1]) await refused(first.token('ada'), gateway);
  });
  await check('nobody was closed, and tokens of the new key prolong', async () => {
    assert.deepEqual(ada.disconnects, []);
    const ack = await done(ben, 'refresh_token', { token: publisher.keys.at(-1).token('ben') });
    assert.ok(Date.parse(ack.expiresAt) > Date.now());
  });
});

/** Everybody's tokens are signed by this key from now on. */
function signBy(key) {
  Object.assign(tokens, { ada: key.token('ada'), ben: key.token('ben'), host: key.token('host', { role: 'service' }) });
}

async function forgeries(key) {
  const forger = new Key(key.kid, key.alg);
  const good = key.token('ada').split('.');
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
  const confused = key.token('ada', { header: { alg: 'HS256' } }).split('.').slice(0, 2).join('.');
  const now = Math.floor(Date.now() / 1_000);
  const bad = {
    'another key of the same name': forger.token('ada'),
    'another algorithm of the set': keys[1].token('ada', { header: { kid: key.kid } }),
    'the public key as a secret': `${confused}.${createHmac('sha256', secret).update(confused).digest('base64url')}`,
    'no algorithm': `${key.token('ada', { header: { alg: 'none' } }).split('.').slice(0, 2).join('.')}.`,
    'an algorithm that is not accepted': key.token('ada', { header: { alg: 'RS512' } }),
    'a critical extension': key.token('ada', { header: { crit: ['b64'], b64: true } }),
    'no signature': `${good[0]}.${good[1]}.`,
    'other claims': `${good[0]}.${key.token('ben').split('.')[1]}.${good[2]}`,
    'an unknown kid': key.token('ada', { header: { kid: 'nobody' } }),
    'an end in the past': key.token('ada', { claims: { exp: now } }),
    'a beginning in the future': key.token('ada', { claims: { nbf: now + 600 } }),
    'too many bytes': key.token('ada', { claims: { name: 'x'.repeat(9_000) } }),
  };
  for (const [what, token] of Object.entries(bad)) {
    assert.equal((await get(token)).status, 401, what);
    await refused(token, 0, what);
  }
}

/** Fails unless a gateway refuses a token on each transport. */
async function refused(token, gateway, what) {
  const error = await refusal(gateways[gateway], { ...transports.websocket, auth: { token } });
  assert.deepEqual([error.message, error.data], ['unauthorized', { code: 'unauthorized' }], what);
  const plain = new PlainClient('nobody', gateways[gateway], { headers: { authorization: `Bearer ${token}` } });
  await assert.rejects(plain.opened, /401/, what);
}

/** Changes the key again and again while requests, connections and new tokens of connections are under way. */
async function rotate(clients) {
  let current = keys.at(-1);
  let ending = false;
  const accepted = new Map();
  const work = async (worker) => {
    for (let turn = 0; !ending; turn += 1) {
      const key = current;
      if (turn % 10 === 5) {
        (await PlainClient.open('ada anew', gateways[worker % 2], key.token('ada'))).close();
      } else if (turn % 10 === 6 && worker < clients.length) {
        await done(clients[worker], 'refresh_token', { token: key.token(clients[worker].hello.userId) });
      } else {
        expect(await get(key.token('ada'), list, worker % 2), 200);
      }
      accepted.set(key, (accepted.get(key) ?? 0) + 1);
    }
  };
  const workers = range(0, WORKERS - 1).map((worker) => work(worker));
  const lead = async () => {
    for (const [number, alg] of ROTATIONS.entries()) {
      const key = new Key(`rotated-${number}`, alg);
      publisher.keys = [current, key];
      current = key;
      while ((accepted.get(key) ?? 0) < REQUESTS_PER_KEY) await new Promise((resolve) => { setImmediate(resolve); });
    }
    ending = true;
  };
  await Promise.all([lead(), ...workers]);
  console.log(`accepted: ${[...accepted].map(([key, count]) => `${key.kid} ${count}`)}; key sets fetched: ${publisher.asked}`);
}

/** Waits until an API replica refuses the tokens of a key. */
async function untilRefused(key, api) {
  const until = Date.now() + 15_000;
  while ((await get(key.token('ada'), list, api)).status !== 401) assert.ok(Date.now() < until, 'it goes on to be accepted');
}
