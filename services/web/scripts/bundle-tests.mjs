// Makes scripts for Node of the tests, which share sources with the inbox and the client package.

import { readdirSync, rmSync } from 'node:fs';

import { build } from 'esbuild';

const entryPoints = readdirSync('test')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `test/${name}`);

rmSync('build', { recursive: true, force: true });
await build({
  entryPoints,
  outdir: 'build',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  alias: { '@freelancehub/messaging-client': '../../shared/client-js/src/index.ts' },
});
