// A TCP link between a client and a gateway that can break in the ways that networks do.

import { connect as connectTcp, createServer } from 'node:net';

import { BOUND_MS, within } from './recorder.js';

export class Link {
  #pairs = new Set();

  /** A link that leads to a URL; `to` may be changed for the connections that follow. */
  static async to(url) {
    const link = new Link();
    link.target = url;
    link.server = createServer((near) => link.#join(near));
    await new Promise((resolve) => link.server.listen(0, '127.0.0.1', resolve));
    link.url = `http://127.0.0.1:${link.server.address().port}`;
    return link;
  }

  #join(near) {
    if (this.isDown) {
      near.destroy();
      return;
    }
    const { hostname, port } = new URL(this.target);
    const far = connectTcp(Number(port), hostname);
    const pair = { near, far, kept: false };
    this.#pairs.add(pair);
    near.pipe(far, { end: false });
    far.pipe(near, { end: false });
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('error', () => {});
      one.on('close', () => {
        if (!(pair.kept && one === near)) other.destroy();
        if (near.destroyed && far.destroyed) this.#pairs.delete(pair);
        this.look?.();
      });
    }
  }

  /** Breaks all connections, and lets none in until `mend`. */
  cut() {
    this.isDown = true;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** The client loses its connections, and the gateway is not told: it has half-open ones. */
  halfOpen() {
    this.isDown = true;
    for (const pair of this.#pairs) {
      pair.kept = true;
      pair.far.unpipe();
      pair.far.resume();
      pair.near.destroy();
    }
  }

  /** Lets connections in again, to this URL. */
  mend(url = this.target) {
    this.target = url;
    this.isDown = false;
  }

  /** How many connections the gateways still have. */
  get open() {
    return [...this.#pairs].filter(({ far }) => !far.destroyed).length;
  }

  /** Waits until the gateways have so many connections. */
  until(what, count) {
    const awaited = new Promise((resolve) => {
      this.look = () => this.open === count && resolve();
      this.look();
    });
    return within(BOUND_MS, what, awaited);
  }

  close() {
    this.cut();
    this.server.close();
  }
}
