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
    /** Whether it is connected, tries to be, or has failed since it last tried. */
    this.state = 'trying';
    this.socket.io.on('reconnect_attempt', () => { this.state = 'trying'; });
    this.socket.on('connect', () => {
      this.state = 'connected';
      device.connected(this.socket.recovered === true);
    });
    this.socket.onAny((event, data) => device.heard(event, data));
    this.socket.on('disconnect', (reason) => {
      if (this.state === 'connected') device.disconnected(reason);
      else this.failed(reason);
      this.state = 'lost';
      // What was emitted after the last ping was due waits for the next connection, where it would come before what the device
      // then asks for, unseen by its history.
      this.socket.sendBuffer = [];
      this.comeBack();
    });
    this.socket.on('connect_error', (error) => {
      this.failed(error.data?.code ?? error.message);
      this.comeBack();
    });
  }

  /** Notes that an attempt failed, once: a connection that breaks while it is made is told of by two events. */
  failed(reason) {
    if (this.state === 'trying') this.device.note('connect_error', { reason });
    this.state = 'failed';
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
      if (!this.isClosed) this.connect();
    }, AGAIN_MS);
  }

  connect() {
    this.state = 'trying';
    this.socket.connect();
  }

  close() {
    this.isClosed = true;
    this.socket.disconnect();
  }

  open() {
    this.isClosed = false;
    this.connect();
  }
}
