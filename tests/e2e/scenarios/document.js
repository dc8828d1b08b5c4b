// The document of the calls agrees with what is served, and the page that shows it needs nothing from elsewhere.

import assert from 'node:assert/strict';

import { http } from '../lib/http.js';
import { apis, check, rest, scenario } from '../lib/scenario.js';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const ID = '0123456789abcdef01234567';

/** The calls of the contract: what is served may be more, and never less. */
const PROMISED = [
  'POST /api/messages',
  'GET /api/messages/conversations',
  'GET /api/messages/conversations/{id}',
  'GET /api/messages/conversations/{id}/messages',
  'POST /api/messages/conversations/{id}/messages',
  'PATCH /api/messages/conversations/{id}/read',
  'PATCH /api/messages/conversations/{id}/messages/{messageId}',
  'DELETE /api/messages/conversations/{id}/messages/{messageId}',
  'POST /api/messages/conversations/{id}/attachments',
  'POST /api/messages/attachments',
  'GET /api/messages/attachments/{id}',
  'GET /api/messages/conversations/{id}/search',
  'GET /api/presence',
  'PUT /api/contracts/{id}',
  'GET /api/contracts/{id}',
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /api/openapi.json',
  'GET /api/docs',
];

/** A path of the document with something in each of its places. */
const filled = (path) => path.replace('{part}', 'start.js').replaceAll(/\{\w+\}/g, ID);

/** What the document says of a response, its reference followed. */
function described(document, operation, status) {
  const response = operation.responses[status];
  return response?.$ref ? document.components.responses[response.$ref.split('/').at(-1)] : response;
}

const mediaType = (answer) => answer.headers['content-type']?.split(';')[0];

scenario(async () => {
  const answer = await http(`${apis[0]}/api/openapi.json`);
  const document = answer.body;
  await check('the document is served without a token, to GET and to HEAD', async () => {
    assert.deepEqual([answer.status, mediaType(answer), document.openapi], [200, 'application/json', '3.1.0']);
    const head = await http(`${apis[0]}/api/openapi.json`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['content-length'], String(Buffer.byteLength(answer.text)));
  });
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => [method.toUpperCase(), path, item[method]]));
  await check('every promised call is in it', () => {
    const names = new Set(operations.map(([method, path]) => `${method} ${path}`));
    assert.deepEqual(PROMISED.filter((name) => !names.has(name)), []);
  });
  await check('every call that is in it is served, and without a token as it says', async () => {
    for (const [method, path, operation] of operations) {
      const name = `${method} ${path}`;
      const served = await http(apis[1] + filled(path), { method });
      assert.equal(served.status, operation.security ? 200 : 401, name);
      const { content } = described(document, operation, served.status);
      assert.ok(Object.hasOwn(content, mediaType(served)), `${name}: ${mediaType(served)}`);
    }
  });
  await check('no method that is not in it is served', async () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const method of METHODS.filter((method) => !item[method])) {
        const refused = await http(apis[0] + filled(path), { method: method.toUpperCase() });
        assert.deepEqual([refused.status, refused.body.code], [405, 'method_not_allowed'], `${method} ${path}`);
      }
    }
  });
  await check('the page loads only what is served beside it', async () => {
    const page = await http(`${apis[0]}/api/docs`);
    assert.deepEqual([page.status, mediaType(page)], [200, 'text/html']);
    const policy = page.headers['content-security-policy'];
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.doesNotMatch(policy, /https?:|\*/);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
    assert.ok(loaded.length >= 4);
    for (const reference of loaded.filter((reference) => reference !== 'data:,')) {
      const url = new URL(reference, `${apis[0]}/api/docs`);
      assert.equal(url.origin, apis[0], reference);
      const part = await fetch(url);
      assert.equal(part.status, 200, reference);
      assert.ok((await part.text()).length > 100, reference);
      assert.equal(part.headers.get('x-content-type-options'), 'nosniff', reference);
    }
    assert.equal((await http(`${apis[0]}/api/docs/nothing.js`)).status, 404);
  });
  await check('a token is asked for where the document says so, and nowhere else', async () => {
    assert.equal((await rest('ada').get('/api/openapi.json')).status, 200);
    assert.deepEqual(document.security, [{ token: [] }]);
    assert.equal(document.components.securitySchemes.token.scheme, 'bearer');
  });
});
