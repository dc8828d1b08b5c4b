// Tokens as the host platform would sign them, and as nobody should.

import { createHmac } from 'node:crypto';

const secret = process.env.JWT_SECRET;
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export const inSeconds = (seconds) => Math.floor(Date.now() / 1_000) + seconds;

/** Any header and claims, with the signature that `HS256` and its kin have. */
export function sign(claims, { alg = 'HS256', key = secret, hash = alg.replace('HS', 'sha') } = {}) {
  const text = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
}

/** Any header and claims, without a signature. */
export const unsigned = (claims, alg) => `${encode({ alg, typ: 'JWT' })}.${encode(claims)}.`;

/** Tokens that must be refused everywhere, by what is wrong with them; but for that they are the user's. */
export function badTokens(sub) {
  const claims = { sub, exp: inSeconds(3_600), role: 'client' };
  const [header, payload, signature] = sign(claims).split('.');
  const other = sign({ ...claims, sub: 'somebody-else' }).split('.')[1];
  return {
    'no token at all': 'no-token',
    'two parts': `${header}.${payload}`,
    'no signature': `${header}.${payload}.`,
    'a signature of other claims': `${header}.${other}.${signature}`,
    'a cut signature': `${header}.${payload}.${signature.slice(0, -4)}`,
    'another secret': sign(claims, { key: 'a secret that nobody has been told, long enough' }),
    'no user': sign({ ...claims, sub: undefined }),
    'an empty user': sign({ ...claims, sub: '' }),
    'a user of 65 characters': sign({ ...claims, sub: 'u'.repeat(65) }),
    'a user with a space': sign({ ...claims, sub: 'a b' }),
    'a user that is a number': sign({ ...claims, sub: 7 }),
    'no end': sign({ ...claims, exp: undefined }),
    'an end that is a word': sign({ ...claims, exp: 'tomorrow' }),
    'an end that has passed': sign({ ...claims, exp: inSeconds(-2) }),
    'HS384': sign(claims, { alg: 'HS384' }),
    'HS512': sign(claims, { alg: 'HS512' }),
    'RS256 with the secret': sign(claims, { alg: 'RS256', hash: 'sha256' }),
    'an alg of nobody': sign(claims, { alg: 'HS257', hash: 'sha256' }),
    'none': unsigned(claims, 'none'),
    'None': unsigned(claims, 'None'),
    'none with a signature': sign(claims, { alg: 'none', hash: 'sha256' }),
  };
}
