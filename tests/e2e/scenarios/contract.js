// Runs the cases of one group, many at a time, each with users and contracts of its own.
// Arguments: the group, and words that a case must have in its name to be run; so must those of the
// variable CASES, such as `R-SEND-1,plain`. With PENDING=1, what is not built yet is run, too.

import { PENDING, READY } from '../contract/files.js';
import { read } from '../contract/table.js';
import { World } from '../contract/world.js';
import { within } from '../lib/recorder.js';

/** Where nothing is limited, the cases send as much as they can, and the machine is what limits them. */
const AT_A_TIME = { defaults: 12, open: 2 };
const CASE_BOUND_MS = 120_000;

const [group, ...given] = process.argv.slice(2);
const words = [...given, ...(process.env.CASES ?? '').split(',')];
const failures = [];

async function run({ ids, sentence, body, dialect }, index) {
  const name = `${ids.join(', ')}: ${sentence}`;
  const world = new World(`${group[0]}${index.toString(36)}`, dialect);
  const started = Date.now();
  try {
    await within(CASE_BOUND_MS, 'the end of the case', Promise.resolve(body(world)));
    console.log(`ok: ${name} (${Date.now() - started} ms)`);
  } catch (error) {
    failures.push(name);
    console.log(`FAILED: ${name}\n${error?.stack ?? error}`);
  } finally {
    world.close();
  }
}

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    failures.push('what no case waited for');
    console.log(`FAILED outside of a case: ${error?.stack ?? error}`);
  });
}
const table = await read(process.env.PENDING === '1' ? [...READY, ...PENDING] : READY);
const chosen = table.filter((one) => one.group === group && words.every((word) => `${one.ids} ${one.sentence} ${one.file}.js`.includes(word)));
if (chosen.length === 0) failures.push(`no case of ${group}`);
const running = chosen.map((one, index) => [one, index]);
const waiting = running.filter(([{ slow }]) => !slow);
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(...next);
};
const slow = running.filter((one) => one[0].slow).map((one) => run(...one));
await Promise.all([...slow, ...Array.from({ length: AT_A_TIME[group] ?? 8 }, worker)]);
console.log(`${chosen.length - failures.length} of ${chosen.length} cases passed${failures.map((name) => `\n  failed: ${name}`).join('')}`);
process.exit(failures.length === 0 ? 0 : 1);
