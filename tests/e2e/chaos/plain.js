// A client of the plain dialect as the link of a device; it connects again by itself.

import { WebSocket } from 'ws';

const AGAIN_MS = [100, 2_000];
/** After a failed attempt: as the socket.io-client waits, twice as long each time. */
const FAILED_MS = [500, 1_500];
const FAILED_MS_MAX = 5_000;
/** A server that has not pinged for so long is taken for dead. */
const SILENCE_MS = 6_500;

export class PlainLink {
  constructor(device, { front, token, random }) {
    Object.assign(this, { device, front, token, random, isOpen: false, failures: 0 });
    this.open();
  }

  open() {
    this.isClosed = false;
    const socket = new WebSocket(`${this.front.replace('http', 'ws')}/ws`, {
      headers: { authorization: `Bearer ${this.token}` },
      handshakeTimeout: SILENCE_MS,
    });
    this.socket = socket;
    this.reason = undefined;
    this.acks = new Map();
    this.nextId = 1;
    socket.on('open', () => this.watch(socket));
    socket.on('ping', () => this.watch(socket));
    socket.on('message', (frame) => this.take(socket, JSON.parse(frame)));
    socket.on('error', (error) => { if (socket === this.socket) this.reason = error.message; });
    socket.on('close', (code) => this.closed(socket, code));
  }

  take(socket, frame) {
    if (socket !== this.socket) return;
    if ('ack' in frame) {
      this.acks.get(frame.ack)?.(frame.data);
      this.acks.delete(frame.ack);
      return;
    }
    if (frame.event === 'connected') {
      this.isOpen = true;
      this.failures = 0;
      this.device.connected(false);
    }
    this.device.heard(frame.event, frame.data);
  }

  watch(socket) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => socket.terminate(), SILENCE_MS);
  }

  closed(socket, code) {
    if (socket !== this.socket) return;
    clearTimeout(this.silence);
    const wasOpen = this.isOpen;
    this.isOpen = false;
    if (wasOpen) this.device.disconnected(`close ${code}`);
    if (this.isClosed) return;
    if (!wasOpen) {
      this.failures += 1;
      this.device.note('connect_error', { reason: this.reason ?? `close ${code}` });
    }
    setTimeout(() => {
      if (!this.isClosed && this.socket === socket) this.open();
    }, this.pauseMs());
  }

  pauseMs() {
    if (this.failures === 0) return this.random.between(...AGAIN_MS);
    return Math.min(this.random.between(...FAILED_MS) * 2 ** this.failures, FAILED_MS_MAX);
  }

  send(event, data, onAck) {
    const id = this.nextId;
    this.nextId += 1;
    this.acks.set(id, onAck);
    this.socket.send(JSON.stringify({ id, event, data }));
  }

  close() {
    this.isClosed = true;
    const { socket } = this;
    socket.close();
    this.closed(socket, 'by the client');
    // Whatever it is still told is of a connection that is over.
    this.socket = undefined;
  }
}
