// The rows of docs/contract.md and their tests. Argument: `list` prints them; `check` fails where one lacks the other.

import { readFileSync } from 'node:fs';

import { ELSEWHERE } from '../contract/elsewhere.js';
import { PENDING, READY } from '../contract/files.js';
import { read } from '../contract/table.js';

const ROOT = new URL('../../../', import.meta.url);
const text = (path) => readFileSync(new URL(path, ROOT), 'utf8');

/** A row begins a list item or a line of a table. Its sentence may go on in the lines below. */
const ROW = /^(?:- |\| )`\[(R-[A-Z]+-\d+)\]` (.*(?:\n {2}\S.*)*)/gm;

const faults = [];
const rows = new Map();
for (const [, id, statement] of text('docs/contract.md').matchAll(ROW)) {
  if (rows.has(id)) faults.push(`two rows are ${id}`);
  rows.set(id, { statement: statement.replaceAll(/\s+/g, ' ').replace(/ \|$/, ''), tests: [] });
}
if (rows.size === 0) faults.push('docs/contract.md has no rows');

function add(id, test) {
  if (rows.has(id)) rows.get(id).tests.push(test);
  else faults.push(`there is no row ${id}, of which is: ${test}`);
}

for (const { ids, sentence, file } of await read([...READY, ...PENDING])) {
  const pending = PENDING.includes(file) ? ' (pending)' : '';
  for (const id of ids) add(id, `tests/e2e/contract/cases/${file}.js: ${sentence}${pending}`);
}
for (const [id, file, ...names] of ELSEWHERE) {
  const source = text(file);
  for (const name of names) {
    if (!new RegExp(`#\\[(tokio::)?test\\]\\s+(async )?fn ${name}\\(`).test(source)) faults.push(`${file} has no test ${name}, of which is ${id}`);
    add(id, `${file}: ${name}`);
  }
}
for (const [id, { tests }] of rows) if (tests.length === 0) faults.push(`the row ${id} has no test`);

if (process.argv[2] === 'list') {
  for (const [id, { statement, tests }] of rows) console.log(`${id}  ${statement}\n${tests.map((test) => `    ${test}`).join('\n')}`);
}
const count = [...rows.values()].reduce((sum, { tests }) => sum + tests.length, 0);
const pending = [...rows.values()].filter(({ tests }) => tests.length > 0 && tests.every((test) => test.endsWith('(pending)'))).length;
console.log(`${rows.size} rows, ${count} tests of rows, ${pending} rows with pending tests alone${faults.map((fault) => `\n  ${fault}`).join('')}`);
process.exit(faults.length === 0 ? 0 : 1);
