// A client of the plain dialect on /ws, with everything that it is told recorded.

import { WebSocket } from 'ws';

import { BOUND_MS, Recorder, within } from './recorder.js';

export class PlainClient extends Recorder {
  constructor(name, url, { headers, query = '', protocols = [] } = {}) {
    super(name);
    this.acks = new Map();
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/ws${query}`, protocols, { headers });
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)));
    this.socket.on('message', (frame, isBinary) => this.take(isBinary ? null : JSON.parse(frame)));
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
  }

  /** A client that has been told `connected`. */
  static async open(name, url, token, options = { headers: { authorization: `Bearer ${token}` } }) {
    const client = new PlainClient(name, url, options);
    await within(BOUND_MS, `${name} is open`, client.opened);
    client.hello = await client.event('connected');
    return client;
  }

  take(frame) {
    if (frame === null) throw new Error('a binary frame from the server');
    if (!('ack' in frame)) {
      this.record(frame.event, frame.data);
      return;
    }
    const { event, resolve } = this.acks.get(frame.ack);
    this.record(`ack:${event}`, frame.data);
    resolve(frame.data);
  }

  /** Sends an event with an id, and returns its ack, which is recorded. */
  emit(event, data, ms = BOUND_MS, id = this.acks.size + 1) {
    const acked = new Promise((resolve) => this.acks.set(id, { event, resolve }));
    this.tell(event, data, id);
    return within(ms, `${this.name} has the ack of ${event}`, acked);
  }

  /** Sends an event without an id. */
  tell(event, data, id) {
    this.socket.send(JSON.stringify({ id, event, data }));
  }

  /** Waits for the close, and returns its code. */
  closeCode() {
    return within(BOUND_MS, `${this.name} is closed`, this.closed);
  }

  close() {
    this.socket.close();
  }
}
