// Whether docs/asyncapi.yaml is valid, by AsyncAPI's own parser, which `make asyncapi` installs into .tools/asyncapi.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../../', import.meta.url);
const { Parser } = createRequire(new URL('.tools/asyncapi/', root))('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(new URL('docs/asyncapi.yaml', root), 'utf8'));

// 0 is an error and 1 a warning; the others are advice, such as to use a later version of AsyncAPI.
const faults = diagnostics.filter(({ severity }) => severity <= 1);
for (const { path, message } of faults) console.error(`asyncapi: ${path.join('.')}: ${message}`);
if (!document || faults.length > 0) process.exit(1);
console.log(`asyncapi: valid, ${document.allOperations().length} operations, ${document.allMessages().length} messages`);
