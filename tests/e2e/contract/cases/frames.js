// Frames and packets that the protocols do not allow, and those at the limit.

import assert from 'node:assert/strict';

import { http } from '../../lib/http.js';
import { frame, RawSocket } from '../../lib/raw.js';
import { row } from '../table.js';
import { expect, gateways } from '../world.js';

const [TEXT, BINARY, PING] = [1, 2, 9];
const FRAME_BYTES_MAX = 131_072;
const ENGINE = '/socket.io/?EIO=4&transport=websocket';

const CODES = {
  'R-CLOSE-2': [1002, {
    'an unmasked frame': [frame(TEXT, Buffer.from('{}'), { mask: false })],
    'a reserved bit': [frame(TEXT, Buffer.from('{}'), { first: 0xc0 })],
    'another reserved bit': [frame(TEXT, Buffer.from('{}'), { first: 0x90 })],
    'a reserved opcode': [frame(3)],
    'a reserved control opcode': [frame(0xb)],
    'a long ping': [frame(PING, Buffer.alloc(126))],
    'a ping in parts': [frame(PING, Buffer.alloc(1), { first: 0 })],
    'a continuation of nothing': [frame(0, Buffer.from('{}'))],
    'a text within a text': [frame(TEXT, Buffer.from('{'), { first: 0 }), frame(TEXT, Buffer.from('}'))],
    'a close code that is none': [frame(8, Buffer.from([0x03, 0xec]))],
    'a close of one byte': [frame(8, Buffer.from([0x03]))],
  }],
  'R-CLOSE-4': [1007, {
    'a bad byte': [frame(TEXT, Buffer.from([0x7b, 0xff, 0x7d]))],
    'a surrogate': [frame(TEXT, Buffer.from([0xed, 0xa0, 0x80]))],
    'an overlong form': [frame(TEXT, Buffer.from([0xc0, 0xaf]))],
    'half a character at the end': [frame(TEXT, Buffer.from([0xe6, 0xbc]))],
    'a bad byte in the second part': [frame(TEXT, Buffer.from('{'), { first: 0 }), frame(0, Buffer.from([0xff]))],
  }],
  'R-CLOSE-5': [1009, {
    'a byte too much': [frame(TEXT, Buffer.alloc(FRAME_BYTES_MAX + 1, ' '))],
    'announced as too big': [frame(TEXT, Buffer.alloc(0), { length: 2 ** 40 })],
    'too big in parts': [frame(TEXT, Buffer.alloc(FRAME_BYTES_MAX, ' '), { first: 0 }), frame(0, Buffer.from(' '))],
  }],
};

for (const [id, [code, cases]] of Object.entries(CODES)) {
  row([id, id === 'R-CLOSE-5' ? 'R-EV-8' : 'R-EV-7'], `a frame that is not allowed closes with ${code}`, async (t) => {
    for (const [name, frames] of Object.entries(cases)) {
      const raw = await RawSocket.open(gateways[0], '/ws', { authorization: `Bearer ${t.token(t.ada)}` });
      raw.send(...frames);
      assert.equal(await raw.closeCode(), code, name);
      const engine = await RawSocket.open(gateways[1], ENGINE);
      engine.send(frame(TEXT, Buffer.from(`40/messages,${JSON.stringify({ token: t.token(t.ada) })}`)), ...frames);
      assert.equal(await engine.closeCode(), code, `${name} over Socket.IO`);
    }
  }, { group: 'open' });
}

row('R-CLOSE-3', 'a binary frame on /ws closes with 1003', async (t) => {
  for (const frames of [[frame(BINARY, Buffer.from('{}'))], [frame(BINARY)], [frame(BINARY, Buffer.from('{'), { first: 0 }), frame(0, Buffer.from('}'))]]) {
    const raw = await RawSocket.open(gateways[1], '/ws', { authorization: `Bearer ${t.token(t.ada)}` });
    raw.send(...frames);
    assert.equal(await raw.closeCode(), 1003);
  }
}, { group: 'open' });

row(['R-EV-7', 'R-CLOSE-2'], 'a packet that Engine.IO or Socket.IO does not have closes the connection', async (t) => {
  const connect = `40/messages,${JSON.stringify({ token: t.token(t.ada) })}`;
  for (const packet of ['x', '9', '4', '49', '42["a"', '42/messages,["a"]', '4{}']) {
    const raw = await RawSocket.open(gateways[0], ENGINE);
    raw.send(frame(TEXT, Buffer.from(packet)));
    assert.ok([1002, 1007].includes(await raw.closeCode()), packet);
  }
  for (const packet of ['42/messages,["a"', '42/messages,{}', '42/messages,[]', '42/messages,', '42/other,["a"]', connect]) {
    const raw = await RawSocket.open(gateways[1], ENGINE);
    raw.send(frame(TEXT, Buffer.from(connect)));
    await raw.has('connected', () => raw.bytes.includes('connected'));
    raw.send(frame(TEXT, Buffer.from(packet)));
    assert.ok([1002, 1007].includes(await raw.closeCode()), packet);
  }
}, { group: 'open' });

row('R-EV-7', 'a polling request that is none is answered with 400', async () => {
  const path = `${gateways[0]}/socket.io/`;
  for (const query of ['', '?EIO=4', '?EIO=3&transport=polling', '?EIO=4&transport=pigeon', '?EIO=4&transport=polling&sid=nobody']) {
    assert.equal((await http(path + query)).status, 400, query);
  }
  for (const body of ['', 'x', '4', '42["a"]\x1e', Buffer.from([0x34, 0xff])]) {
    const { text } = await http(`${path}?EIO=4&transport=polling`);
    const { sid } = JSON.parse(text.slice(1));
    assert.equal((await http(`${path}?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body })).status, 400, String(body));
  }
});

row('R-LIM-2', 'a frame of 131,072 bytes is taken', async (t) => {
  const c = await t.begin();
  const event = { event: 'send_message', data: { conversationId: c.conversationId, content: 'Hi', filler: '' } };
  const filled = (wrap, size = FRAME_BYTES_MAX) => {
    const empty = wrap(event);
    return empty.replace('"filler":""', `"filler":"${'x'.repeat(size - Buffer.byteLength(empty))}"`);
  };
  const plain = await t.joined(t.ada, c, { dialect: 'plain' });
  plain.socket.send(filled(JSON.stringify));
  await plain.message(2);
  const engine = await RawSocket.open(gateways[0], ENGINE);
  engine.send(frame(TEXT, Buffer.from(`40/messages,${JSON.stringify({ token: t.token(t.ada) })}`)));
  await engine.has('connected', () => engine.bytes.includes('connected'));
  engine.send(frame(TEXT, Buffer.from(filled(({ event: name, data }) => `42/messages,${JSON.stringify([name, data])}`))));
  await plain.message(3);
  assert.equal(expect(await t.rest(t.ben).get(c.path), 200).lastSeq, 3);
  engine.socket.destroy();
});

row('R-EV-8', 'a polling body over the limit is refused', async () => {
  const path = `${gateways[1]}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await http(path)).text.slice(1));
  const { status, body } = await http(`${path}&sid=${sid}`, { method: 'POST', body: `4${'x'.repeat(FRAME_BYTES_MAX)}` });
  assert.deepEqual([status, body?.code], [413, 'payload_too_large']);
});
