// Prints what a browser loads, compressed, and fails over a limit. Run after `npm run build`.

import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const FOLDER = 'dist/assets';
const BYTES_MAX = { '.js': 150_000, '.css': 12_000 };

const totals = Object.fromEntries(Object.keys(BYTES_MAX).map((kind) => [kind, 0]));
for (const name of readdirSync(FOLDER)) {
  const kind = extname(name);
  if (!(kind in totals)) continue;
  const bytes = gzipSync(readFileSync(join(FOLDER, name)), { level: 9 }).length;
  totals[kind] += bytes;
  console.log(`${name}: ${bytes} bytes compressed`);
}
for (const [kind, bytes] of Object.entries(totals)) {
  console.log(`${kind} in total: ${bytes} bytes compressed, at most ${BYTES_MAX[kind]}`);
  if (bytes === 0 || bytes > BYTES_MAX[kind]) process.exitCode = 1;
}
