import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

test('the guide shows the example of a page, which is compiled with these tests and short', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const example = read('../../examples/thread.tsx');
  const guide = read('../../../../docs/MESSAGING_SYSTEM_GUIDE.md');
  assert.ok(guide.includes(`\`\`\`tsx\n${example}\`\`\`\n`), 'the guide has another text than examples/thread.tsx');
  assert.ok(example.split('\n').length <= 30);
});
