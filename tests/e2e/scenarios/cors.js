// Pages of origins that are listed may call and connect, those of others may not; who is no browser always may.

import assert from 'node:assert/strict';

import { assertShape } from '../lib/golden.js';
import { UPGRADE, http } from '../lib/http.js';
import { apis, check, gateways, scenario, tokens } from '../lib/scenario.js';
import { SocketClient, refusal } from '../lib/socket.js';

const LISTED = ['https://app.example', 'http://localhost:5173'];
const FOREIGN = ['https://evil.example', 'https://app.example.evil', 'http://app.example', 'https://app.example:444', 'null'];

const SOCKETS = [
  ['a polling request', '/socket.io/?EIO=4&transport=polling', {}, 200],
  ['an upgrade of Socket.IO', '/socket.io/?EIO=4&transport=websocket', UPGRADE, 101],
  ['an upgrade of /ws', '/ws', { ...UPGRADE, authorization: `Bearer ${tokens.ada}` }, 101],
];

scenario(async () => {
  for (const [name, path, headers, status] of SOCKETS) {
    await check(`${name} is let in without an origin and with one of the list`, async () => {
      assert.equal((await http(gateways[0] + path, { headers })).status, status);
      for (const origin of LISTED) {
        const answer = await http(gateways[1] + path, { headers: { ...headers, origin } });
        assert.equal(answer.status, status, origin);
        if (status === 200) assert.equal(answer.headers['access-control-allow-origin'], origin);
      }
    });
    await check(`${name} is refused with another origin`, async () => {
      for (const origin of FOREIGN) {
        const answer = await http(gateways[1] + path, { headers: { ...headers, origin } });
        assert.deepEqual([answer.status, answer.body?.code], [403, 'forbidden'], origin);
        assert.equal(answer.headers['content-type'], 'application/problem+json');
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
        assertShape('problem', answer.body);
      }
    });
  }
  await check('socket.io-client is let in from a page of the list alone', async () => {
    const auth = { token: tokens.ada };
    for (const transport of ['polling', 'websocket']) {
      const options = { auth, transports: [transport] };
      const listed = { ...options, extraHeaders: { origin: LISTED[0] } };
      (await SocketClient.open('ada', gateways[0], tokens.ada, listed)).close();
      await refusal(gateways[0], { ...options, extraHeaders: { origin: FOREIGN[0] } });
    }
  });
  const preflight = (url, origin, method) => http(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  });
  await check('a preflight of REST allows what the list has', async () => {
    for (const [path, method] of [['/api/messages', 'POST'], ['/api/contracts/c-1', 'PUT'], ['/api/messages/conversations/x/read', 'PATCH']]) {
      const { status, headers } = await preflight(apis[0] + path, LISTED[1], method);
      assert.ok(status === 200 || status === 204, `${status}`);
      assert.equal(headers['access-control-allow-origin'], LISTED[1]);
      assert.ok(headers['access-control-allow-methods'].split(/, */).includes(method));
      const allowed = headers['access-control-allow-headers'].toLowerCase();
      assert.ok(allowed.includes('authorization') && allowed.includes('content-type'), allowed);
      assert.equal((await preflight(apis[0] + path, FOREIGN[0], method)).headers['access-control-allow-origin'], undefined);
    }
  });
  await check('an answer of REST can be read by pages of the list alone, errors too', async () => {
    for (const [path, headers] of [['/api/messages/conversations', { authorization: `Bearer ${tokens.ada}` }], ['/api/presence', {}]]) {
      const read = async (origin) => (await http(apis[1] + path, { headers: { ...headers, origin } })).headers;
      assert.equal((await read(LISTED[0]))['access-control-allow-origin'], LISTED[0]);
      assert.ok((await read(LISTED[0]))['access-control-expose-headers'].toLowerCase().includes('retry-after'));
      assert.equal((await read(FOREIGN[0]))['access-control-allow-origin'], undefined);
    }
  });
});
