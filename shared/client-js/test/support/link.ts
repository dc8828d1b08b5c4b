// A TCP link between a client and the service, which can break and be mended.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class Link {
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isDown = false;
  /** Connections that were let through so far. */
  accepted = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((near) => {
      this.#join(near);
    });
  }

  static async to(target: string): Promise<Link> {
    const link = new Link(target);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** Breaks all connections, and lets none in until it is mended. */
  down(): void {
    this.#isDown = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isDown = false;
  }

  /** Breaks all connections; new ones are let in. */
  cut(): void {
    this.down();
    this.mend();
  }

  close(): void {
    this.down();
    this.#server.close();
  }

  #join(near: Socket): void {
    if (this.#isDown) {
      near.destroy();
      return;
    }
    this.accepted += 1;
    const far = connect(Number(this.#target.port), this.#target.hostname);
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      this.#sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
