// The API's description of itself.

import assert from 'node:assert/strict';

import { http } from '../../lib/http.js';
import { row } from '../table.js';
import { apis } from '../world.js';

const CALLS = {
  '/api/messages': ['post'], '/api/messages/conversations': ['get'], '/api/messages/conversations/{}': ['get'],
  '/api/messages/conversations/{}/messages': ['get', 'post'], '/api/messages/conversations/{}/read': ['patch'],
  '/api/messages/conversations/{}/messages/{}': ['patch', 'delete'], '/api/messages/conversations/{}/attachments': ['post'],
  '/api/messages/attachments': ['post'], '/api/messages/attachments/{}': ['get'], '/api/messages/conversations/{}/search': ['get'],
  '/api/presence': ['get'], '/api/contracts/{}': ['put', 'get'],
};

row('R-OPEN-2', 'the OpenAPI document is open and has every call', async () => {
  for (const api of apis) {
    const { status, body } = await http(`${api}/api/openapi.json`);
    assert.equal(status, 200);
    assert.match(body.openapi, /^3\.1\.\d+$/);
    assert.ok(body.info.title && body.info.version);
    const paths = Object.fromEntries(Object.entries(body.paths).map(([path, methods]) => [path.replaceAll(/\{\w+\}/g, '{}'), methods]));
    for (const [path, methods] of Object.entries(CALLS)) {
      for (const method of methods) assert.ok(paths[path]?.[method]?.responses, `${method} ${path}`);
    }
    const references = JSON.stringify(body).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g);
    for (const [, kind, name] of references) assert.ok(body.components[kind][name], `${kind} ${name}`);
  }
});

row('R-OPEN-3', 'there is an open page to try it', async () => {
  for (const api of apis) {
    const { status, headers, text } = await http(`${api}/api/docs`);
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html/);
    assert.match(text, /openapi/i);
  }
});
