// The unmodified socket.io-client, with everything that it is told recorded.

import { io } from 'socket.io-client';

import { BOUND_MS, Recorder, within } from './recorder.js';

export class SocketClient extends Recorder {
  /** A client that begins to connect; `options` go to `io` as they are. */
  constructor(name, url, token, options = {}) {
    super(name);
    this.socket = io(`${url}/messages`, { forceNew: true, auth: { token }, ...options });
    this.socket.onAny((event, data) => this.record(event, data));
    this.disconnects = [];
    this.socket.on('disconnect', (reason) => {
      this.disconnects.push(reason);
      for (const look of [...this.watchers]) look();
    });
  }

  /** A client that has been told `connected`. */
  static async open(...parameters) {
    const client = new SocketClient(...parameters);
    client.hello = await client.event('connected');
    return client;
  }

  /** Waits until it is connected, once more or for the first time. */
  connected() {
    const { socket } = this;
    const connected = new Promise((resolve) => (socket.connected ? resolve() : socket.once('connect', resolve)));
    return within(BOUND_MS, `${this.name} is connected`, connected);
  }

  /** Emits an event with an ack, which is recorded and returned. */
  emit(event, data, ms = BOUND_MS) {
    const acked = new Promise((resolve, reject) => {
      this.socket.emit(event, data, (ack) => {
        try {
          this.record(`ack:${event}`, ack);
          resolve(ack);
        } catch (error) {
          reject(error);
        }
      });
    });
    return within(ms, `${this.name} has the ack of ${event}`, acked);
  }

  /** Emits an event without an ack. */
  tell(event, ...data) {
    this.socket.emit(event, ...data);
  }

  /** The name of the transport in use. */
  get transport() {
    return this.socket.io.engine.transport.name;
  }

  close() {
    this.socket.disconnect();
  }
}

/** Connects in vain, and returns the error of `connect_error`. */
export async function refusal(url, options, namespace = '/messages') {
  const socket = io(`${url}${namespace}`, { forceNew: true, reconnection: false, ...options });
  try {
    return await within(BOUND_MS, 'a connect_error', new Promise((resolve, reject) => {
      socket.on('connect_error', resolve);
      socket.on('connect', () => reject(new Error('it was let in')));
    }));
  } finally {
    socket.disconnect();
  }
}
