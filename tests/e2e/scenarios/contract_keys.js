// Makes the keys of the cases about public keys: pairs that are used, and others of the same kind.

import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519', {}] };

const folder = process.env.KEYS_FOLDER;
const keys = [];
for (const [alg, kind] of Object.entries(KINDS)) {
  for (const name of [alg, `${alg}.other`]) {
    const { publicKey, privateKey } = generateKeyPairSync(...kind);
    writeFileSync(`${folder}/${name}.public.pem`, publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(`${folder}/${name}.private.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    if (name === alg) keys.push({ ...publicKey.export({ format: 'jwk' }), alg, kid: alg, use: 'sig' });
  }
}
writeFileSync(`${folder}/jwks.json`, JSON.stringify({ keys }));
// The standard input of a test stays open.
process.exit(0);
