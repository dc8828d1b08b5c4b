// A TCP link between a client and the service, which can break and be mended.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** The two ends of a connection: towards the client, and towards the service. */
interface Pair {
  near: Socket;
  far: Socket;
  /** The service is to keep its end when the client loses the other one. */
  isKept: boolean;
}

export class Link {
  readonly #target: URL;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
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
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** The clients lose their connections, and the service is not told. */
  halfOpen(): void {
    this.#isDown = true;
    for (const pair of this.#pairs) {
      const { near, far } = pair;
      pair.isKept = true;
      far.unpipe(near);
      far.resume();
      near.unpipe(far);
      near.destroy();
    }
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
    const pair: Pair = { near, far, isKept: false };
    this.#pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    far.on('close', () => {
      near.destroy();
      this.#pairs.delete(pair);
    });
    near.on('close', () => {
      if (!pair.isKept) far.destroy();
    });
    for (const socket of [near, far]) socket.on('error', () => undefined);
  }
}
