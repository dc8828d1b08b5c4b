// REST, with problem documents looked at on the way.

import assert from 'node:assert/strict';

import { assertShape } from './golden.js';
import { BOUND_MS } from './recorder.js';

/** For what moves a whole file, on a machine that does much else. */
export const FILE_BOUND_MS = 60_000;

export class Rest {
  constructor(url, token) {
    this.url = url;
    this.headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  get(path) {
    return this.call('GET', path);
  }

  put(path, body) {
    return this.call('PUT', path, body);
  }

  post(path, body) {
    return this.call('POST', path, body);
  }

  patch(path, body) {
    return this.call('PATCH', path, body);
  }

  delete(path) {
    return this.call('DELETE', path);
  }

  /** Calls with a JSON body, or with none. */
  call(method, path, body) {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return this.send(method, path, { headers: json, body: body === undefined ? undefined : JSON.stringify(body) });
  }

  /** Uploads a file; `fields` stand before it. `file` has `name`, `type` and `bytes`. */
  upload(path, file, fields = {}) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('file', new Blob([file.bytes], { type: file.type }), file.name);
    return this.send('POST', path, { body, ms: FILE_BOUND_MS });
  }

  /** The bytes at a path, and the answer that brought them; anything but 2xx and 304 is a problem document. */
  async download(path, headers = {}) {
    const response = await fetch(this.url + path, { headers: { ...this.headers, ...headers }, signal: AbortSignal.timeout(FILE_BOUND_MS) });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status >= 400) assertShape('problem', JSON.parse(bytes.toString()));
    return { status: response.status, headers: response.headers, bytes };
  }

  /** Calls with any body and headers. */
  async send(method, path, { headers = {}, body, ms = BOUND_MS } = {}) {
    const request = { method, headers: { ...this.headers, ...headers }, body, signal: AbortSignal.timeout(ms) };
    const response = await fetch(this.url + path, request);
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const answer = { status: response.status, headers: response.headers, type, text };
    if (type.includes('json') && text !== '') answer.body = JSON.parse(text);
    if (response.status >= 400) {
      assert.equal(type, 'application/problem+json', `${method} ${path}: ${response.status} ${text}`);
      assertShape('problem', answer.body);
      assert.equal(answer.body.status, response.status);
    }
    return answer;
  }
}

/** Fails unless an answer has this status, and its body is as a golden file has it; returns the body. */
export function expect(answer, status, shape) {
  assert.equal(answer.status, status, answer.text);
  return shape === undefined ? answer.body : assertShape(shape, answer.body);
}

/** Fails unless an answer is this problem; returns the problem document. */
export function expectProblem(answer, status, code) {
  assert.deepEqual([answer.status, answer.body?.code], [status, code], answer.text);
  return answer.body;
}
