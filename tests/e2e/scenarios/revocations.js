// A user or a token is revoked: its live connections end within a second, on each gateway and by each transport, and with a void
// token nobody comes back. Argument: the grace of presence, in milliseconds.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { inSeconds, sign } from '../contract/tokens.js';
import { PlainClient } from '../lib/plain.js';
import { BOUND_MS, within } from '../lib/recorder.js';
import { Rest, expect, expectProblem } from '../lib/rest.js';
import { apis, begin, check, connect, done, gateways, putContract, rest, scenario, transports } from '../lib/scenario.js';
import { SocketClient, refusal } from '../lib/socket.js';

const GRACE_MS = Number(process.argv[2]);

/** What R-REVOKE-2 promises: from the answer to the end of the last connection. */
const REVOKED_MS_MAX = 1_000;

const host = rest('host');

/** A token with an id of its own; `iat` is now unless given. */
function minted(sub, { iat = inSeconds(0), jti = randomUUID(), role = 'client' } = {}) {
  return { jti, iat, token: sign({ sub, role, jti, iat, exp: inSeconds(3_600) }) };
}

/** A connection by a token, which notes when it ends. */
async function live(name, gateway, token, transport) {
  const url = gateways[gateway];
  const client = transport === 'plain'
    ? await PlainClient.open(name, url, token)
    : await SocketClient.open(name, url, token, transports[transport]);
  client.ended = new Promise((resolve) => {
    const note = (...how) => resolve({ at: performance.now(), how });
    if (transport === 'plain') client.socket.on('close', note);
    else client.socket.on('disconnect', note);
  });
  return client;
}

const isOpen = (client) => (client instanceof PlainClient ? client.socket.readyState === client.socket.OPEN : client.socket.connected);

/** How long after a time the last of some connections has ended, each of which was told why. */
async function endedAfter(since, clients) {
  const all = Promise.all(clients.map((client) => within(BOUND_MS, `${client.name} ends`, client.ended)));
  const ends = await all;
  for (const client of clients) assert.deepEqual(client.all('token_expired'), [{}], client.name);
  return Math.max(...ends.map(({ at }) => at - since));
}

/** Revokes, and returns the answer and when it was there. */
async function revoke(path, body) {
  const answer = expect(await host.put(`/api/revocations/${path}`, body), 200, 'revocation');
  return { answer, at: performance.now() };
}

/** Asks until the answer is a status. */
async function status(user, api, token, expected) {
  const reader = new Rest(apis[api], token);
  const found = async () => {
    for (;;) {
      const { status } = await reader.get('/api/messages/conversations');
      if (status === expected) return;
    }
  };
  await within(BOUND_MS, `${user} gets ${expected} from api ${api}`, found());
}

const EVERYWHERE = [0, 1].flatMap((gateway) => ['websocket', 'polling', 'default', 'plain'].map((transport) => [gateway, transport]));

async function aUserIsRevoked() {
  const conversationId = await begin();
  const old = minted('ada');
  const bens = await Promise.all([connect('ben', 0), connect('ben', 1, 'plain')]);
  for (const ben of bens) await done(ben, 'join_conversation', { conversationId });
  const adas = await Promise.all(EVERYWHERE.map(([gateway, transport]) => live(`ada by ${transport} on ${gateway}`, gateway, old.token, transport)));
  let current = old.token;
  const returning = new SocketClient('ada with newer tokens', gateways[1], undefined, { auth: (give) => give({ token: current }) });
  returning.hello = await returning.event('connected');
  await done(returning, 'join_conversation', { conversationId });
  const sockets = adas.filter((client) => client instanceof SocketClient);
  const refused = sockets.map(({ socket }) => new Promise((resolve) => socket.on('connect_error', resolve)));
  const { answer, at } = await revoke('users/ada');
  assert.deepEqual([answer.kind, answer.id], ['user', 'ada']);
  await check('each connection of the user ends within a second, and is told why', async () => {
    const ms = await endedAfter(at, adas);
    console.log(`figure: ${adas.length} connections on 2 gateways ended ${ms.toFixed(0)} ms after the answer`);
    assert.ok(ms < REVOKED_MS_MAX, `${ms} ms`);
    for (const client of adas.filter((client) => client instanceof PlainClient)) assert.equal(await client.closeCode(), 4401);
  });
  await check('the official client comes back once, is refused, and does not try again', async () => {
    for (const error of await within(BOUND_MS, 'each is refused', Promise.all(refused))) {
      assert.deepEqual([error.message, error.data], ['unauthorized', { code: 'unauthorized' }]);
    }
    for (const { socket, name } of sockets) assert.equal(socket.active, false, name);
  });
  const newer = minted('ada', { iat: Math.floor(Date.parse(answer.before) / 1_000) + 1 });
  await check('one that has a newer token by then is let in, and may go on where it was', async () => {
    await within(BOUND_MS, 'it is refused', new Promise((resolve) => {
      if (!returning.socket.active) resolve();
      else returning.socket.on('connect_error', resolve);
    }));
    current = newer.token;
    returning.socket.connect();
    await returning.connected();
    assert.equal(returning.socket.recovered, true);
    await done(bens[0], 'send_message', { conversationId, content: 'Are you there?' });
    await returning.until('the message', () => returning.seqs().includes(2));
  });
  await check('with the old token nobody comes in by any way', async () => {
    for (const gateway of gateways) {
      for (const options of Object.values(transports)) {
        const error = await refusal(gateway, { auth: { token: old.token }, ...options });
        assert.deepEqual(error.data, { code: 'unauthorized' });
      }
      const plain = new PlainClient('ada with the old token', gateway, { headers: { authorization: `Bearer ${old.token}` } });
      await assert.rejects(plain.opened, /401/);
    }
    for (const api of [0, 1]) await status('ada', api, old.token, 401);
    const problem = expectProblem(await new Rest(apis[1], old.token).get('/api/messages/conversations'), 401, 'unauthorized');
    assert.equal(problem.detail, 'the token has been revoked');
  });
  await check('a token of the same second is void, and one without a time of issue', async () => {
    const second = newer.iat - 1;
    for (const iat of [second, undefined]) {
      const claims = { sub: 'ada', iat, exp: inSeconds(3_600) };
      await status('ada', 0, sign(claims), 401);
    }
    await status('ada', 0, newer.token, 200);
  });
  await check('others stay', async () => {
    for (const ben of bens) {
      assert.ok(isOpen(ben), ben.name);
      await ben.until('the message', () => ben.seqs().includes(2));
    }
  });
  await check('a client cannot stay by a void token', async () => {
    const ack = await returning.emit('refresh_token', { token: old.token });
    assert.equal(ack.error.code, 'unauthorized');
    assert.ok(isOpen(returning));
  });
  returning.close();
  await check('who is gone is offline', async () => {
    await bens[0].until('ada is offline', () => bens[0].all('user_presence').some(({ userId, status }) => userId === 'ada' && status === 'offline'), GRACE_MS + BOUND_MS);
  });
  await check('once it is undone the old token holds again', async () => {
    assert.equal((await host.delete('/api/revocations/users/ada')).status, 204);
    expectProblem(await host.delete('/api/revocations/users/ada'), 404, 'not_found');
    for (const api of [0, 1]) await status('ada', api, old.token, 200);
    for (const ada of await Promise.all([0, 1].map((gateway) => live(`ada again on ${gateway}`, gateway, old.token, 'plain')))) ada.close();
  });
}

async function aTokenIsRevoked() {
  const [lost, kept] = [minted('cleo', { jti: 'a lost/phone?'.replaceAll(' ', '+') }), minted('cleo')];
  const out = await Promise.all(EVERYWHERE.slice(0, 4).map(([gateway, transport]) => live(`cleo's lost one by ${transport}`, gateway, lost.token, transport)));
  const moved = await live('cleo on a token that was replaced', 1, lost.token, 'websocket');
  await done(moved, 'refresh_token', { token: kept.token });
  const stays = [moved, await live('cleo by the other token', 1, kept.token, 'plain')];
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const { answer, at } = await revoke(`tokens/${encodeURIComponent(lost.jti)}`, { expiresAt });
  await check('of a token that is revoked the connections end within a second, and no others', async () => {
    assert.deepEqual([answer.kind, answer.id, answer.expiresAt], ['token', lost.jti, expiresAt]);
    const ms = await endedAfter(at, out);
    console.log(`figure: ${out.length} connections by one token ended ${ms.toFixed(0)} ms after the answer`);
    assert.ok(ms < REVOKED_MS_MAX, `${ms} ms`);
    for (const client of stays) {
      await done(client, 'get_presence', { userIds: ['cleo'] });
      assert.deepEqual(client.all('token_expired'), [], client.name);
    }
    for (const api of [0, 1]) {
      await status('cleo', api, lost.token, 401);
      await status('cleo', api, kept.token, 200);
    }
  });
  await check('it can be undone', async () => {
    assert.equal((await host.delete(`/api/revocations/tokens/${encodeURIComponent(lost.jti)}`)).status, 204);
    for (const api of [0, 1]) await status('cleo', api, lost.token, 200);
  });
  for (const client of stays) client.close();
}

async function whoAsksWrongly() {
  await check('only the role service deals with revocations', async () => {
    for (const role of ['client', 'freelancer', 'admin', undefined]) {
      const asks = new Rest(apis[0], sign({ sub: 'somebody', role, iat: inSeconds(0), exp: inSeconds(3_600) }));
      const paths = ['/api/revocations/users/ada', '/api/revocations/tokens/j-1'];
      for (const path of paths) {
        expectProblem(await asks.put(path), 403, 'forbidden');
        expectProblem(await asks.delete(path), 403, 'forbidden');
      }
      expectProblem(await asks.get('/api/revocations'), 403, 'forbidden');
    }
  });
  await check('what is wrong is told by its field', async () => {
    const fault = async (path, body) => {
      const problem = expectProblem(await host.put(`/api/revocations/${path}`, body), 400, 'validation_failed');
      return problem.errors.map(({ field }) => field);
    };
    const [past, future] = [-3_600, 3_600].map((seconds) => new Date(Date.now() + seconds * 1_000).toISOString());
    assert.deepEqual(await fault('users/a%20b', { before: 'yesterday' }), ['userId', 'before']);
    assert.deepEqual(await fault('users/ada', { before: future }), ['before']);
    assert.deepEqual(await fault('tokens/a%20b'), ['jti']);
    assert.deepEqual(await fault(`tokens/${'x'.repeat(129)}`), ['jti']);
    assert.deepEqual(await fault('tokens/j-1', { expiresAt: past }), ['expiresAt']);
    assert.deepEqual(await fault('tokens/j-1', { expiresAt: '9000-01-01T00:00:00Z' }), ['expiresAt']);
    for (const query of ['limit=0', 'limit=501', 'cursor=user.a%20b', 'cursor=nothing']) {
      expectProblem(await host.get(`/api/revocations?${query}`), 400, 'validation_failed');
    }
    for (const path of ['users/nobody', 'tokens/none']) expectProblem(await host.delete(`/api/revocations/${path}`), 404, 'not_found');
  });
}

async function pages() {
  await check('pages list what is in force, and a second time that is earlier changes nothing', async () => {
    const at = (seconds) => new Date(Math.floor(Date.now() / 1_000 + seconds) * 1_000).toISOString();
    const [earlier, later] = [at(-100), at(-50)];
    for (const [before, stored] of [[earlier, earlier], [later, later], [earlier, later]]) {
      const { answer } = await revoke('users/x-1', { before });
      assert.equal(answer.before, stored);
    }
    for (const id of ['x-2', 'x-3']) await revoke(`users/${id}`);
    await revoke('tokens/j-9');
    const found = [];
    let query = '?limit=3';
    while (query) {
      const page = expect(await host.get(`/api/revocations${query}`), 200, 'revocations_page');
      assert.ok(page.items.length <= 3);
      found.push(...page.items.map(({ kind, id }) => `${kind} ${id}`));
      query = page.nextCursor && `?limit=3&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
    assert.deepEqual(found, ['token j-9', 'user x-1', 'user x-2', 'user x-3']);
    const days = (Date.parse((await revoke('users/x-2')).answer.expiresAt) - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days < 30.1, `${days} days`);
  });
}

/** Asks until a process counts so: it hears of the last revocation a little after the answer to it. */
async function counts(url, what, holds) {
  let text;
  const asked = async () => {
    do text = await (await fetch(`${url}/metrics`)).text();
    while (!holds(text));
  };
  await within(BOUND_MS, `${url} counts ${what}`, asked()).catch((error) => {
    throw new Error(`${error.message}, but:\n${text}`);
  });
}

async function counted() {
  await check('it is counted', async () => {
    const ended = (text) => Number(/^fh_gateway_closed_links_total\{reason="revoked"\} (\d+)$/m.exec(text)?.[1]);
    for (const url of gateways) await counts(url, 'the connections that ended', (text) => ended(text) >= 4);
    for (const url of [...gateways, ...apis]) await counts(url, 'four revocations', (text) => /^fh_auth_revocations 4$/m.test(text));
  });
}

scenario(async () => {
  await putContract();
  await aUserIsRevoked();
  await aTokenIsRevoked();
  await whoAsksWrongly();
  await pages();
  await counted();
});
