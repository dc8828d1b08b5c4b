// Bytes that no client would send. Each gets its answer, and nobody else feels it.

import assert from 'node:assert/strict';
import { connect as dial } from 'node:net';

import { health, http } from '../lib/http.js';
import { frame, RawSocket } from '../lib/raw.js';
import { BOUND_MS, within } from '../lib/recorder.js';
import { apis, begin, check, connect, done, gateways, putContract, scenario, tokens } from '../lib/scenario.js';

const TEXT = 1;
const BINARY = 2;
const PING = 9;
const FRAME_BYTES_MAX = 128 << 10;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const bystanders = [await connect('ada', 0, 'plain'), await connect('ben', 0), await connect('ben', 1, 'polling')];
  for (const client of bystanders) await done(client, 'join_conversation', { conversationId });

  await check('a frame that is not JSON is answered with an exception of no event', notJson);
  await check('a frame that breaks the protocol closes /ws with its code', () => brokenFrames('/ws'));
  await check('a frame that breaks the protocol closes /socket.io/', () => brokenFrames('/socket.io/?EIO=4&transport=websocket'));
  await check('a packet that breaks Socket.IO closes the connection', brokenPackets);
  await check('a bad polling request is answered with 400 or 413', brokenPolls);
  await check('bytes that are no HTTP get no further than their connection', noHttp);
  await check('every process lives, and the bystanders noticed nothing', async () => {
    for (const url of [...gateways, ...apis]) assert.equal(await health(url, 'live'), 200);
    const { message } = await done(bystanders[0], 'send_message', { conversationId, content: 'What was that?' });
    for (const client of bystanders) {
      assert.deepEqual(await client.message(message.seq), message);
      assert.deepEqual([client.seqs(), client.disconnects ?? []], [[2], []]);
    }
  });
});

async function notJson() {
  const client = await connect('ada', 0, 'plain');
  for (const text of ['', '{', 'null', '[]', '7', '"text"', '{}', '{"event":7}', '{"event":"typing"} x', '\ufeff{}', String.raw`{"event":"\ud800"}`]) {
    const before = client.all('exception').length;
    client.socket.send(text);
    await client.until(`an exception for ${text}`, () => client.all('exception').length > before);
    const { event, code } = client.all('exception')[before];
    assert.deepEqual([event, code], [null, 'validation_failed'], text);
  }
  await done(client, 'get_presence', { userIds: ['ada'] });
  client.close();
}

async function brokenFrames(path) {
  const isPlain = path === '/ws';
  const big = Buffer.alloc(FRAME_BYTES_MAX + 1, ' ');
  const cases = [
    ['unmasked', 1002, frame(TEXT, Buffer.from('{}'), { mask: false })],
    ['a reserved bit', 1002, frame(TEXT, Buffer.from('{}'), { first: 0xc0 })],
    ['a reserved opcode', 1002, frame(3)],
    ['a long ping', 1002, frame(PING, Buffer.alloc(126))],
    ['a ping in parts', 1002, frame(PING, Buffer.alloc(1), { first: 0 })],
    ['a continuation of nothing', 1002, frame(0, Buffer.from('{}'))],
    ['text that is not UTF-8', 1007, frame(TEXT, Buffer.from([0x7b, 0xff, 0x7d]))],
    ['too big', 1009, frame(TEXT, big)],
    ['announced as too big', 1009, frame(TEXT, Buffer.alloc(0), { length: 2 ** 40 })],
    ['too big in parts', 1009, ...inParts(big)],
  ];
  if (isPlain) cases.push(['binary', 1003, frame(BINARY, Buffer.from('{}'))]);
  for (const [name, code, ...frames] of cases) {
    const raw = await RawSocket.open(gateways[0], path, { authorization: `Bearer ${tokens.ada}` });
    if (!isPlain) raw.send(frame(TEXT, Buffer.from(`40/messages,${JSON.stringify({ token: tokens.ada })}`)));
    raw.send(...frames);
    assert.equal(await raw.closeCode(), code, name);
  }
}

function inParts(bytes) {
  const half = bytes.length >> 1;
  return [frame(TEXT, bytes.subarray(0, half), { first: 0 }), frame(0, bytes.subarray(half))];
}

async function brokenPackets() {
  const connected = `40/messages,${JSON.stringify({ token: tokens.ada })}`;
  for (const packet of ['x', '0', '2', '5', '9', '4', '49', '42["a"', '42/messages,["a"]', '42/messages,', '4{}']) {
    const raw = await RawSocket.open(gateways[1], '/socket.io/?EIO=4&transport=websocket');
    raw.send(frame(TEXT, Buffer.from(packet)));
    assert.ok([1002, 1007].includes(await raw.closeCode()), packet);
  }
  for (const packet of ['42/messages,["a"', '42/messages,{}', '42/messages,[7]', '451-/messages,["a"]', '42/other,["a"]', connected]) {
    const raw = await RawSocket.open(gateways[1], '/socket.io/?EIO=4&transport=websocket');
    raw.send(frame(TEXT, Buffer.from(connected)));
    await raw.has('connected', () => raw.bytes.includes('connected'));
    raw.send(frame(TEXT, Buffer.from(packet)), frame(TEXT, Buffer.from('4')));
    assert.ok([1002, 1007].includes(await raw.closeCode()), packet);
  }
}

async function brokenPolls() {
  const path = `${gateways[0]}/socket.io/`;
  const open = async () => {
    const { text } = await http(`${path}?EIO=4&transport=polling`);
    return `${path}?EIO=4&transport=polling&sid=${JSON.parse(text.slice(1)).sid}`;
  };
  const gets = ['', '?EIO=4', '?EIO=3&transport=polling', '?EIO=4&transport=carrier-pigeon', '?EIO=4&transport=polling&sid=nobody', '?%ff=%'];
  for (const query of gets) assert.equal((await http(path + query)).status, 400, query);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    assert.equal((await http(`${path}?EIO=4&transport=polling`, { method })).status, 400, method);
  }
  for (const body of ['', 'x', '4', '7', '42["a"]\x1e', '\x1e', 'b!', Buffer.from([0x34, 0xff])]) {
    assert.equal((await http(await open(), { method: 'POST', body })).status, 400, String(body));
  }
  const big = await http(await open(), { method: 'POST', body: `4${'x'.repeat(FRAME_BYTES_MAX)}` });
  assert.deepEqual([big.status, big.body?.code], [413, 'payload_too_large']);
}

async function noHttp() {
  for (const bytes of ['\x16\x03\x01\x02\x00', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', '\0'.repeat(70_000), `GET /${'x'.repeat(70_000)} HTTP/1.1\r\n`]) {
    for (const url of [gateways[0], apis[0]]) {
      const { hostname, port } = new URL(url);
      const socket = dial({ host: hostname, port: Number(port) });
      socket.on('error', () => {}).resume();
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.end(bytes);
      await within(BOUND_MS, 'the end of the connection', closed);
    }
  }
}
