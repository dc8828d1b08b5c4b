// Prints the size of what a page loads, minified and compressed. Run after `npm run build`.

import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const entries = { '.': 'dist/index.js', './react': 'dist/react.js' };
const outsides = { 'without socket.io-client': ['react', 'socket.io-client'], 'with socket.io-client': ['react'] };

for (const [name, entry] of Object.entries(entries)) {
  for (const [outside, external] of Object.entries(outsides)) {
    const options = { bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022', write: false };
    const { outputFiles } = await build({ ...options, entryPoints: [entry], external });
    const { contents } = outputFiles[0];
    console.log(`${name} ${outside}: ${contents.length} bytes, ${gzipSync(contents, { level: 9 }).length} compressed`);
  }
}
