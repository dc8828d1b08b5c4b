// The test that runs the scenario: it can do what a client cannot.

import { createInterface } from 'node:readline';

const waiting = [];
const answers = createInterface({ input: process.stdin });
answers.on('line', () => waiting.shift()());
// Without the test there is nobody left to tell how it went.
answers.on('close', () => process.exit(3));

/** Asks the test to do something, and waits until it is done. */
export function ask(what) {
  return new Promise((resolve) => {
    waiting.push(resolve);
    console.log(`? ${what}`);
  });
}
