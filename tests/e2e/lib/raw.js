// A WebSocket at the level of its bytes, for what no client library would send.

import { connect } from 'node:net';

import { UPGRADE } from './http.js';
import { BOUND_MS, within } from './recorder.js';

/** One frame of a client; `mask: false` leaves out what RFC 6455 demands. */
export function frame(opcode, payload = Buffer.alloc(0), { first = 0x80, mask = true, length = payload.length } = {}) {
  const bytes = Buffer.from(payload);
  const size = length < 126 ? Buffer.from([length]) : longLength(length);
  if (mask) size[0] |= 0x80;
  const key = Buffer.from([1, 2, 3, 4]);
  const body = mask ? [key, bytes.map((byte, index) => byte ^ key[index % 4])] : [bytes];
  return Buffer.concat([Buffer.from([first | opcode]), size, ...body]);
}

function longLength(length) {
  const size = Buffer.alloc(9);
  size[0] = 127;
  size.writeBigUInt64BE(BigInt(length), 1);
  return size;
}

export class RawSocket {
  constructor(url, path, headers) {
    const { hostname, port, host } = new URL(url);
    this.bytes = Buffer.alloc(0);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.on('error', () => {});
    this.ended = new Promise((resolve) => this.socket.on('close', resolve));
    this.socket.on('data', (part) => { this.bytes = Buffer.concat([this.bytes, part]); this.look?.(); });
    const lines = Object.entries({ host, ...UPGRADE, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  /** A socket whose upgrade has been answered. */
  static async open(url, path, headers = {}) {
    const raw = new RawSocket(url, path, headers);
    await raw.has('the answer to the upgrade', () => raw.bytes.includes('\r\n\r\n'));
    const head = raw.bytes.subarray(0, raw.bytes.indexOf('\r\n\r\n') + 4);
    if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${head}`);
    raw.bytes = raw.bytes.subarray(head.length);
    return raw;
  }

  send(...frames) {
    for (const bytes of frames) this.socket.write(bytes);
  }

  has(what, found) {
    const awaited = new Promise((resolve) => {
      this.look = () => found() && resolve();
      this.look();
    });
    return within(BOUND_MS, what, awaited);
  }

  /** Waits for the end of the connection, and returns the code of the close frame before it; 0 if there was none. */
  async closeCode() {
    await within(BOUND_MS, 'the server closes the connection', this.ended);
    let rest = this.bytes;
    while (rest.length >= 2) {
      const opcode = rest[0] & 0x0f;
      let [length, start] = [rest[1], 2];
      if (length === 126) [length, start] = [rest.readUInt16BE(2), 4];
      if (opcode === 8) return length >= 2 ? rest.readUInt16BE(start) : 1005;
      rest = rest.subarray(start + length);
    }
    return 0;
  }
}
