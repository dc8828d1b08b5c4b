// Pages of listed origins, of others, and clients that are no page. The list is that of the cluster's CORS_ORIGINS.

import assert from 'node:assert/strict';

import { assertShape } from '../../lib/golden.js';
import { UPGRADE, http } from '../../lib/http.js';
import { SocketClient, refusal } from '../../lib/socket.js';
import { row } from '../table.js';
import { apis, gateways } from '../world.js';

const GROUPS = [
  ['defaults', ['http://localhost:3000'], ['http://localhost:3001', 'https://localhost:3000', 'http://127.0.0.1:3000', 'http://localhost', 'null']],
  ['small', ['https://app.example', 'http://localhost:5173'], ['http://localhost:3000', 'http://app.example', 'https://app.example.evil', 'https://app.example:8443', 'https://evil.app.example', 'null']],
];

const allowed = ({ headers }) => headers['access-control-allow-origin'];

function preflight(url, origin, method) {
  const headers = { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type' };
  return http(url, { method: 'OPTIONS', headers });
}

const CALLS = [
  ['POST', '/api/messages'], ['GET', '/api/messages/conversations'], ['PUT', '/api/contracts/c-1'], ['PATCH', '/api/messages/conversations/x/read'],
  ['DELETE', '/api/messages/conversations/x/messages/y'], ['GET', '/api/presence'],
];

const sockets = (t) => [
  ['/socket.io/?EIO=4&transport=polling', {}, 200],
  ['/socket.io/?EIO=4&transport=websocket', UPGRADE, 101],
  ['/ws', { ...UPGRADE, authorization: `Bearer ${t.token(t.ada)}` }, 101],
];

for (const [group, listed, foreign] of GROUPS) {
  row(['R-CORS-1', 'R-SET-13'], `pages of listed origins may call REST (${group})`, async (t) => {
    for (const origin of listed) {
      for (const [method, path] of CALLS) {
        const answer = await preflight(apis[0] + path, origin, method);
        assert.ok([200, 204].includes(answer.status), `${answer.status}`);
        assert.equal(allowed(answer), origin);
        assert.ok(answer.headers['access-control-allow-methods'].split(/, */).includes(method), method);
        const headers = answer.headers['access-control-allow-headers'].toLowerCase().split(/, */);
        assert.ok(headers.includes('authorization') && headers.includes('content-type'), `${headers}`);
      }
      for (const [path, authorization] of [['/api/messages/conversations', `Bearer ${t.token(t.ada)}`], ['/api/presence', 'none'], ['/api/nothing', 'none']]) {
        const answer = await http(apis[1] + path, { headers: { origin, authorization } });
        assert.equal(allowed(answer), origin, path);
        assert.match(answer.headers['access-control-expose-headers'], /retry-after/i);
      }
    }
  }, { group });

  row('R-CORS-2', `answers to pages of other origins do not say so (${group})`, async (t) => {
    for (const origin of foreign) {
      for (const [method, path] of CALLS) assert.equal(allowed(await preflight(apis[0] + path, origin, method)), undefined, origin);
      const headers = { origin, authorization: `Bearer ${t.token(t.ada)}` };
      assert.equal(allowed(await http(`${apis[0]}/api/messages/conversations`, { headers })), undefined, origin);
    }
  }, { group });

  row('R-CORS-3', `sockets of pages of other origins are forbidden (${group})`, async (t) => {
    for (const [path, headers] of sockets(t)) {
      for (const origin of foreign) {
        const answer = await http(gateways[0] + path, { headers: { ...headers, origin } });
        assert.deepEqual([answer.status, answer.body?.code, allowed(answer)], [403, 'forbidden', undefined], `${path} ${origin}`);
        assertShape('problem', answer.body);
      }
    }
    const post = await http(`${gateways[1]}/socket.io/?EIO=4&transport=polling&sid=x`, { method: 'POST', body: '40', headers: { origin: foreign[0] } });
    assert.equal(post.status, 403);
    for (const transport of ['polling', 'websocket']) {
      await refusal(gateways[1], { auth: { token: t.token(t.ada) }, transports: [transport], extraHeaders: { origin: foreign[0] } });
    }
  }, { group });

  row('R-CORS-4', `a request without an origin is let through (${group})`, async (t) => {
    for (const [path, headers, status] of sockets(t)) assert.equal((await http(gateways[1] + path, { headers })).status, status, path);
    const headers = { authorization: `Bearer ${t.token(t.ada)}` };
    assert.equal((await http(`${apis[0]}/api/messages/conversations`, { headers })).status, 200);
  }, { group });

  row('R-CORS-5', `pages of listed origins may connect over every transport (${group})`, async (t) => {
    for (const origin of listed) {
      for (const [path, headers, status] of sockets(t)) {
        const answer = await http(gateways[0] + path, { headers: { ...headers, origin } });
        assert.equal(answer.status, status, path);
        if (status === 200) assert.equal(allowed(answer), origin);
      }
      const asked = await preflight(`${gateways[0]}/socket.io/?EIO=4&transport=polling`, origin, 'POST');
      assert.deepEqual([asked.status < 300, allowed(asked)], [true, origin]);
    }
    for (const transport of ['polling', 'websocket']) {
      const options = { transports: [transport], extraHeaders: { origin: listed[0] } };
      (await SocketClient.open('a page', gateways[1], t.token(t.ada), options)).close();
    }
  }, { group });
}

row(['R-CORS-5', 'R-SET-13'], 'with * pages of every origin may call and connect', async (t) => {
  for (const origin of ['https://anything.example', 'http://localhost:1']) {
    for (const [path, headers, status] of sockets(t)) {
      assert.equal((await http(gateways[0] + path, { headers: { ...headers, origin } })).status, status, path);
    }
    assert.ok(['*', origin].includes(allowed(await preflight(`${apis[0]}/api/messages`, origin, 'POST'))));
  }
}, { group: 'open' });
