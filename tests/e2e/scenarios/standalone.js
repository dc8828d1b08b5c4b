// Does what the welcome of a demo says, line by line: only CONVERSATION_ID is put in.
// Argument: `first` on empty data, `again` when there are messages already.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { assertShape } from '../lib/golden.js';
import { BOUND_MS, within } from '../lib/recorder.js';
import { check, range, scenario } from '../lib/scenario.js';

const isFirst = process.argv[2] === 'first';
const lines = process.env.WELCOME.split('\n');
const home = mkdtempSync(join(tmpdir(), 'messaging-curl-'));
process.on('exit', () => rmSync(home, { recursive: true }));
// So that the lines stay as they are, and their status is seen all the same.
writeFileSync(join(home, '.curlrc'), 'silent\nshow-error\nmax-time = 15\nwrite-out = "\\n%{http_code}"\n');

scenario(async () => {
  const curls = lines.map((line) => line.trim()).filter((line) => line.startsWith('curl '));
  assert.equal(curls.length, 3, 'three curl lines');
  const sent = await check('the first curl line sends a message', () => curl(curls[0], 201, 'message'));
  const conversationId = sent.conversationId;
  assert.equal(isFirst, sent.seq === 1, `seq ${sent.seq}`);
  await check('the second one lists the conversation', async () => {
    const { items } = await curl(curls[1], 200, 'conversations_page');
    assert.deepEqual(items.map(({ id, lastSeq }) => [id, lastSeq]), [[conversationId, sent.seq]]);
  });
  await check('the third one reads its messages, those of former starts, too', async () => {
    const { items } = await curl(curls[2].replaceAll('CONVERSATION_ID', conversationId), 200, 'history_page');
    assert.deepEqual(items.map(({ seq }) => seq), range(1, sent.seq));
    assert.deepEqual(items.at(-1), sent);
    const expected = range(1, sent.seq).map((seq) => (seq % 2 === 1 ? 'demo-client Hello!' : 'demo-freelancer Hi!'));
    assert.deepEqual(items.map(({ senderId, content }) => `${senderId} ${content}`), expected);
  });
  await check('the JavaScript lines connect, join, send, and hear of the message', () =>
    javascript(snippet().replaceAll('CONVERSATION_ID', conversationId), sent.seq + 1));
});

async function curl(line, status, shape) {
  const output = await within(BOUND_MS, line, new Promise((resolve, reject) => {
    const environment = { PATH: process.env.PATH, CURL_HOME: home };
    // With a pipe for its input, bash would take itself for a remote shell and read the user's files.
    const child = spawn('bash', ['-c', line], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => { text += part; });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`curl ended with ${code}: ${text}`))));
  }));
  const [body, code] = output.trimEnd().split(/\n(?=\d+$)/);
  assert.equal(Number(code), status, output);
  return assertShape(shape, JSON.parse(body));
}

function snippet() {
  const start = lines.findIndex((line) => line.trim().startsWith('import '));
  const length = lines.slice(start).findIndex((line) => line.trim() === '');
  assert.ok(start > 0 && length > 0, 'there are JavaScript lines');
  return lines.slice(start, start + length).join('\n');
}

async function javascript(source, seq) {
  const child = spawn(process.execPath, ['--input-type=module', '-'], { env: { PATH: process.env.PATH } });
  let output = '';
  const done = new Promise((resolve, reject) => {
    const look = (part) => {
      output += part;
      if (['connected {', 'joined {', 'sent {', 'new_message {'].every((word) => output.includes(word))) resolve();
    };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', look);
    child.on('close', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
  child.stdin.end(source);
  try {
    await within(BOUND_MS, 'connected, joined, sent and new_message', done).catch((error) => {
      throw new Error(`${error.message}; it wrote:\n${output}`);
    });
  } finally {
    child.kill('SIGKILL');
  }
  assert.equal(output.match(/ok: true/g)?.length, 2, output);
  assert.ok(output.includes(`seq: ${seq}`) && output.includes("content: 'Hi!'"), output);
}
