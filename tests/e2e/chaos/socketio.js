// The unmodified socket.io-client as the link of a device.

import { io } from 'socket.io-client';

/** After which a client connects again that was told not to. */
const AGAIN_MS = 500;

export class SocketIoLink {
  constructor(device, { front, token, kind }) {
    const options = kind === 'default' ? {} : { transports: [kind] };
    this.socket = io(`${front}/messages`, { forceNew: true, auth: { token }, ...options });
    this.device = device;
    this.isClosed = false;
    this.socket.on('connect', () => device.connected(this.socket.recovered === true));
    this.socket.onAny((event, data) => device.heard(event, data));
    this.socket.on('disconnect', (reason) => {
      device.disconnected(reason);
      this.comeBack();
    });
    this.socket.on('connect_error', (error) => {
      device.note('connect_error', { reason: error.data?.code ?? error.message });
      this.comeBack();
    });
  }

  get isOpen() {
    return this.socket.connected;
  }

  send(event, data, onAck) {
    this.socket.emit(event, data, onAck);
  }

  /** The client does not connect again by itself after the server has ended its session. */
  comeBack() {
    if (this.socket.active || this.isClosed) return;
    setTimeout(() => {
      if (!this.isClosed) this.socket.connect();
    }, AGAIN_MS);
  }

  close() {
    this.isClosed = true;
    this.socket.disconnect();
  }

  open() {
    this.isClosed = false;
    this.socket.connect();
  }
}
