// Tokens by public keys. The APIs of the group take RS256, ES256 and EdDSA, in this order; the gateway takes ES256. All require an issuer and an audience.

import assert from 'node:assert/strict';
import { createPrivateKey, sign as signBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { UPGRADE, http } from '../../lib/http.js';
import { Rest } from '../../lib/rest.js';
import { row } from '../table.js';
import { inSeconds, sign } from '../tokens.js';
import { apis, expect, expectProblem, gateways } from '../world.js';

const LIST = '/api/messages/conversations';
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const folder = process.env.KEYS_FOLDER;

function signed(alg, claims, { name = alg, kid } = {}) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`;
  const key = createPrivateKey(readFileSync(`${folder}/${name}.private.pem`));
  const digest = alg === 'EdDSA' ? null : 'sha256';
  return `${text}.${signBytes(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const claimsOf = (t) => ({ sub: t.ada, exp: inSeconds(600), iss: 'the platform', aud: 'messaging' });

row(['R-AUTH-9', 'R-SET-10', 'R-AUTH-7'], 'a token by the private key of the PEM file is taken, every other is not', async (t) => {
  for (const [index, alg] of ALGORITHMS.entries()) {
    const get = async (token) => new Rest(apis[index], token).get(LIST);
    expect(await get(signed(alg, claimsOf(t))), 200);
    expectProblem(await get(signed(alg, claimsOf(t), { name: `${alg}.other` })), 401, 'unauthorized');
    expectProblem(await get(sign(claimsOf(t))), 401, 'unauthorized');
    const pem = readFileSync(`${folder}/${alg}.public.pem`);
    expectProblem(await get(sign(claimsOf(t), { key: pem })), 401, 'unauthorized');
    for (const other of ALGORITHMS.filter((one) => one !== alg)) expectProblem(await get(signed(other, claimsOf(t))), 401, 'unauthorized');
    expectProblem(await get(signed(alg, { ...claimsOf(t), exp: inSeconds(-1) })), 401, 'unauthorized');
  }
}, { group: 'keys' });

row('R-AUTH-9', 'a gateway takes them, too', async (t) => {
  const upgrade = async (token) => (await http(`${gateways[0]}/ws`, { headers: { ...UPGRADE, authorization: `Bearer ${token}` } })).status;
  assert.deepEqual([await upgrade(signed('ES256', claimsOf(t))), await upgrade(signed('RS256', claimsOf(t))), await upgrade(sign(claimsOf(t)))], [101, 401, 401]);
}, { group: 'keys' });

row('R-SET-12', 'a token needs the issuer and the audience that are set', async (t) => {
  const get = async (more) => (await new Rest(apis[0], signed('RS256', { ...claimsOf(t), ...more })).get(LIST)).status;
  for (const more of [{}, { aud: ['others', 'messaging'] }]) assert.equal(await get(more), 200, JSON.stringify(more));
  for (const more of [{ iss: undefined }, { iss: 'others' }, { aud: undefined }, { aud: 'others' }, { aud: [] }]) {
    assert.equal(await get(more), 401, JSON.stringify(more));
  }
}, { group: 'keys' });
