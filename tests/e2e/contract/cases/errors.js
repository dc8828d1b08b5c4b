// What REST says to what it does not serve.

import assert from 'node:assert/strict';

import { assertShape } from '../../lib/golden.js';
import { UPGRADE, http } from '../../lib/http.js';
import { Rest } from '../../lib/rest.js';
import { row } from '../table.js';
import { NOBODYS_ID, apis, expect, expectProblem, gateways } from '../world.js';

const LIST = '/api/messages/conversations';

row('R-ERR-1', 'an error is a problem document with the status of the answer', async (t) => {
  await t.begin();
  const answers = [
    await new Rest(apis[0]).get(LIST), await t.rest(t.ada).put('/api/contracts/c', {}), await t.rest(t.ada).get(`${LIST}/${NOBODYS_ID}`),
    await t.rest(t.ada).get(`${LIST}/x`), await t.rest(t.ada).get('/api/nowhere'), await t.rest(t.ada).put(LIST, {}),
    await t.rest(t.ada).send('POST', '/api/messages', { body: '{}', headers: { 'content-type': 'text/plain' } }),
  ];
  for (const answer of answers) {
    const { type, title, status, detail, code } = answer.body;
    assert.deepEqual([answer.type, status], ['application/problem+json', answer.status]);
    for (const text of [type, title, detail, code]) assert.ok(typeof text === 'string' && text.length > 0, answer.text);
  }
});

row('R-ERR-2', 'what fails a check names the field', async (t) => {
  const c = await t.begin();
  const ada = () => t.rest(t.ada);
  for (const [answer, fields] of [
    [await ada().post(`${c.path}/messages`, { content: '' }), ['content']],
    [await ada().post(`${c.path}/messages`, { content: 7 }), ['content']],
    [await ada().post(`${c.path}/messages`, { content: '', clientMessageId: ' ' }), ['clientMessageId', 'content']],
    [await ada().post('/api/messages', { content: 'Hi' }), ['contractId']],
    [await ada().get(`${LIST}?limit=0`), ['limit']],
    [await ada().patch(`${c.path}/read`, { upToSeq: -1 }), ['upToSeq']],
    [await t.rest(t.host).put(`/api/contracts/x-${t.key}`, { clientId: '', freelancerId: ' ' }), ['clientId', 'freelancerId']],
  ]) {
    const problem = expectProblem(answer, 400, 'validation_failed');
    assert.deepEqual(problem.errors?.map(({ field }) => field).sort(), fields, answer.text);
    for (const { message } of problem.errors) assert.ok(message.length > 0);
  }
});

row('R-ERR-3', 'codes have their statuses', async (t) => {
  const c = await t.begin();
  expectProblem(await new Rest(apis[1]).get(LIST), 401, 'unauthorized');
  expectProblem(await t.rest(t.ben).delete(`${c.path}/messages/${c.first.id}`), 403, 'forbidden');
  expectProblem(await t.rest(t.cleo).get(c.path), 404, 'not_found');
  expectProblem(await t.rest(t.ada).get(`${LIST}/x`), 400, 'validation_failed');
  expect(await t.rest(t.ada).delete(`${c.path}/messages/${c.first.id}`), 200);
  expectProblem(await t.rest(t.ada).delete(`${c.path}/messages/${c.first.id}`), 409, 'conflict');
});

row(['R-ERR-4', 'R-LIM-1'], 'a body of 131,072 bytes is taken, one of a byte more is too large', async (t) => {
  const c = await t.begin();
  const send = (bytes, path = `${c.path}/messages`) => {
    const body = JSON.stringify({ content: 'Hi', contractId: c.contractId, filler: '' });
    return t.rest(t.ada).send('POST', path, {
      headers: { 'content-type': 'application/json' }, body: body.replace('"filler":""', `"filler":"${'x'.repeat(bytes - body.length)}"`),
    });
  };
  for (const path of ['/api/messages', `${c.path}/messages`]) {
    expect(await send(131_072, path), 201, 'message');
    expectProblem(await send(131_073, path), 413, 'payload_too_large');
    expectProblem(await send(1_000_000, path), 413, 'payload_too_large');
  }
  const put = { clientId: t.ada, freelancerId: t.ben, filler: 'x'.repeat(131_072) };
  expectProblem(await t.rest(t.host).put(`/api/contracts/x-${t.key}`, put), 413, 'payload_too_large');
  expectProblem(await t.rest(t.ada).patch(`${c.path}/read`, { filler: put.filler }), 413, 'payload_too_large');
});

row('R-ERR-5', 'another content type than JSON is unsupported', async (t) => {
  const c = await t.begin();
  const post = (type, method = 'POST', path = `${c.path}/messages`) => t.rest(t.ada).send(method, path, {
    // Bytes, so that fetch adds no type of its own.
    body: new TextEncoder().encode('{"content":"Hi"}'), headers: type === undefined ? {} : { 'content-type': type },
  });
  for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'nonsense']) {
    expectProblem(await post(type), 415, 'unsupported_media_type');
    expectProblem(await post(type, 'PATCH', `${c.path}/messages/${c.first.id}`), 415, 'unsupported_media_type');
  }
  for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON']) expect(await post(type), 201, 'message');
});

row('R-ERR-6', 'plain HTTP on /ws is told to upgrade', async (t) => {
  for (const gateway of gateways) {
    const headers = { authorization: `Bearer ${t.token(t.ada)}` };
    const answer = await http(`${gateway}/ws`, { headers });
    assert.deepEqual([answer.status, answer.body?.code], [426, 'upgrade_required']);
    assert.match(answer.headers.upgrade, /^websocket$/i);
    assertShape('problem', answer.body);
  }
});

row('R-ERR-7', 'a method that a path does not have is method_not_allowed', async (t) => {
  const c = await t.begin();
  const calls = [
    ['GET', '/api/messages'], ['DELETE', '/api/messages'], ['POST', LIST], ['PUT', LIST], ['DELETE', c.path], ['PUT', `${c.path}/messages`],
    ['POST', `${c.path}/read`], ['GET', `${c.path}/read`], ['GET', `${c.path}/messages/${c.first.id}`], ['POST', '/api/presence'],
    ['DELETE', `/api/contracts/${c.contractId}`], ['PATCH', `/api/contracts/${c.contractId}`], ['POST', `/api/contracts/${c.contractId}`],
  ];
  for (const [method, path] of calls) {
    const answer = await t.rest(t.ada).call(method, path);
    expectProblem(answer, 405, 'method_not_allowed');
    assert.ok(answer.headers.get('allow'), `${method} ${path}`);
  }
});

row('R-ERR-7', 'HEAD answers like GET, without a body', async (t) => {
  const c = await t.begin();
  for (const path of [LIST, c.path, `${c.path}/messages`, `/api/contracts/${c.contractId}`]) {
    const { status, text } = await t.rest(t.ada).call('HEAD', path);
    assert.deepEqual([status, text], [200, ''], path);
  }
});

row('R-ERR-12', 'JSON that is none and a body that is no object are validation_failed', async (t) => {
  const c = await t.begin();
  const draft = `{"contractId":"${c.contractId}","content":"Hi"}`;
  const bodies = [
    '', ' ', '{', 'null', '[]', '7', '"text"', 'true', `${draft}x`, `${draft},`, `[${draft}]`, '{"content":"Hi"', "{'content':'Hi'}", '{content:"Hi"}',
    '\ufeff{}', 'NaN', '[['.repeat(5_000), '{"a":'.repeat(5_000), new Uint8Array([0x7b, 0xff, 0x7d]), new Uint8Array([0]),
  ];
  for (const body of bodies) {
    for (const path of ['/api/messages', `${c.path}/messages`]) {
      const answer = await t.rest(t.ada).send('POST', path, { body, headers: { 'content-type': 'application/json' } });
      expectProblem(answer, 400, 'validation_failed');
    }
  }
  for (const body of ['{', '[]', 'x']) {
    const json = { body, headers: { 'content-type': 'application/json' } };
    expectProblem(await t.rest(t.ada).send('PATCH', `${c.path}/read`, json), 400, 'validation_failed');
    expectProblem(await t.rest(t.ada).send('PATCH', `${c.path}/messages/${c.first.id}`, json), 400, 'validation_failed');
    expectProblem(await t.rest(t.host).send('PUT', `/api/contracts/${c.contractId}`, json), 400, 'validation_failed');
  }
  assert.equal((await t.see(t.ada, c)).lastSeq, 1);
});

row('R-ERR-11', 'no answer tells of the inside', async (t) => {
  const c = await t.begin();
  const answers = [
    await t.rest(t.ada).get(`${LIST}?cursor=%00`), await t.rest(t.ada).get(`${LIST}?cursor=x`), await t.rest(t.ada).get(`${LIST}/%ff`),
    await t.rest(t.ada).post('/api/messages', { contractId: '{"$ne":null}', content: 'Hi' }), await t.rest(t.ada).post('/api/messages', { contractId: { $ne: null }, content: 'Hi' }),
    await t.rest(t.ada).get(`${c.path}/messages?before[$gt]=1&after=x`), await t.rest(t.cleo).get(c.path),
    await t.rest(t.ada).send('POST', '/api/messages', { body: '{', headers: { 'content-type': 'application/json' } }),
    await new Rest(apis[0], 'x.y.z').get(LIST),
  ];
  for (const { text, status } of answers) {
    assert.ok(status >= 400 && status < 500, text);
    assert.doesNotMatch(text, /mongo|bson|nats|panick|\.rs\b|stack|serde|\$ne|src\/|Error \{/i);
  }
});

row('R-ERR-14', 'a path that does not exist is not_found', async (t) => {
  for (const path of ['/', '/nothing', '/api', '/api/', '/api/nothing', `${LIST}/${NOBODYS_ID}/nothing`, '/API/messages', '/api//messages']) {
    for (const url of apis) expectProblem(await new Rest(url, t.token(t.ada)).get(path), 404, 'not_found');
  }
  for (const url of gateways) expectProblem(await new Rest(url).get('/nothing'), 404, 'not_found');
});

row('R-CLOSE-1', 'an upgrade without its key is no upgrade', async (t) => {
  const { 'sec-websocket-key': key, ...headers } = UPGRADE;
  const answer = await http(`${gateways[0]}/ws`, { headers: { ...headers, authorization: `Bearer ${t.token(t.ada)}` } });
  assert.ok(key && answer.status >= 400 && answer.status < 500, `${answer.status}`);
});

row('R-ERR-1', 'what HTTP itself refuses is answered, and other requests go on', async (t) => {
  const c = await t.begin();
  const authorization = `Bearer ${t.token(t.ada)}`;
  for (const [path, options] of [
    [`${c.path}?${'x'.repeat(8_000)}`, {}], [`${c.path}/%2e%2e/%2e%2e`, {}], [`${c.path}%2fmessages`, {}], [`${c.path};x=1`, {}], [`${c.path}/`, {}],
  ]) {
    const answer = await http(apis[0] + path, { headers: { authorization }, ...options });
    assert.ok([200, 400, 404].includes(answer.status), `${answer.status} ${path.slice(-40)}`);
    if (answer.status >= 400) assert.equal(answer.headers['content-type'], 'application/problem+json', path.slice(-40));
  }
  expect(await t.rest(t.ada, 0).get(c.path), 200);
});

row(['R-ERR-1', 'R-ERR-4'], 'a refusal reaches a client that is still sending its body', async (t) => {
  for (const bytes of [10, 100_000, 3_000_000]) {
    for (const [path, token, status] of [['/api/messages', undefined, 401], ['/api/messages', t.token(t.ada), 415], ['/api/nothing', t.token(t.ada), 404]]) {
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const body = new FormData();
        body.append('file', new Blob([Buffer.alloc(bytes)]), 'a file');
        assert.equal((await new Rest(apis[attempt % 2], token).send('POST', path, { body })).status, status);
      }
    }
    const body = JSON.stringify({ content: 'x'.repeat(140_000 + bytes) });
    // In pieces, and without a length that would tell beforehand.
    const stream = new Blob([body]).stream();
    const response = await fetch(`${apis[0]}/api/messages`, {
      method: 'POST', body: stream, duplex: 'half', headers: { authorization: `Bearer ${t.token(t.ada)}`, 'content-type': 'application/json' },
    });
    assert.deepEqual([response.status, (await response.json()).code], [413, 'payload_too_large']);
  }
});
