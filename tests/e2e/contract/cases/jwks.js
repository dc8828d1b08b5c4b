// Tokens by the keys of a JWKS. The APIs of the group take RS256, ES256 and EdDSA by one JWKS file.

import { createPrivateKey, sign as signBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { Rest } from '../../lib/rest.js';
import { row } from '../table.js';
import { inSeconds, sign } from '../tokens.js';
import { apis, expect, expectProblem } from '../world.js';

const folder = process.env.KEYS_FOLDER;

function signed(alg, claims, kid, name = alg) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`;
  const key = createPrivateKey(readFileSync(`${folder}/${name}.private.pem`));
  return `${text}.${signBytes(alg === 'EdDSA' ? null : 'sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

row(['R-AUTH-10', 'R-SET-11'], 'a token by a key of the JWKS is taken, every other is not', async (t) => {
  const claims = { sub: t.ada, exp: inSeconds(600), iss: 'the platform', aud: 'messaging' };
  for (const api of apis) {
    const get = (token) => new Rest(api, token).get('/api/messages/conversations');
    for (const alg of ['RS256', 'ES256', 'EdDSA']) {
      expect(await get(signed(alg, claims, alg)), 200);
      expectProblem(await get(signed(alg, claims, 'nobody')), 401, 'unauthorized');
      expectProblem(await get(signed(alg, claims, alg, `${alg}.other`)), 401, 'unauthorized');
    }
    expectProblem(await get(sign(claims)), 401, 'unauthorized');
  }
}, { group: 'jwks' });
