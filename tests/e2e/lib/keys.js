// A host that signs tokens by keys which it publishes as a key set, and changes.

import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

import { BOUND_MS, within } from './recorder.js';

const HOUR_SECONDS = 3_600;

const KINDS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export class Key {
  constructor(kid, alg) {
    Object.assign(this, { kid, alg, ...KINDS[alg]() });
  }

  /** The public half, as a set has it. */
  get jwk() {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid, alg: this.alg, use: 'sig' };
  }

  /** A token of a user; `header` and `claims` replace parts of it. */
  token(user, { role, header = {}, claims = {} } = {}) {
    const exp = Math.floor(Date.now() / 1_000) + HOUR_SECONDS;
    const head = encode({ alg: this.alg, typ: 'JWT', kid: this.kid, ...header });
    const signed = `${head}.${encode({ sub: user, exp, role, ...claims })}`;
    return `${signed}.${this.sign(signed)}`;
  }

  sign(text) {
    const hash = this.alg === 'EdDSA' ? null : 'sha256';
    const key = { key: this.privateKey, dsaEncoding: 'ieee-p1363' };
    return sign(hash, Buffer.from(text), key).toString('base64url');
  }
}

/** A server at a port that publishes the public halves of `keys`, and counts who asks. */
export class Publisher {
  constructor(port, keys) {
    Object.assign(this, { port, keys, asked: 0 });
    this.server = createServer((request, response) => {
      this.asked += 1;
      response.setHeader('content-type', 'application/jwk-set+json');
      response.end(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }));
    });
  }

  open() {
    const opened = new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    return within(BOUND_MS, `the key set is published at ${this.port}`, opened);
  }
}
