// A front before several servers that knows no sessions: each request, and each WebSocket, goes to the next one.

import { createServer, request } from 'node:http';
import { connect } from 'node:net';

export class Front {
  constructor(urls) {
    this.urls = urls;
    /** How many requests each server has had. */
    this.turns = urls.map(() => 0);
    this.turn = 0;
    this.server = createServer((asked, answer) => this.pass(asked, answer));
    this.tunnels = new Set();
    this.server.on('upgrade', (asked, socket, first) => this.tunnel(asked, socket, first));
  }

  /** A front that listens. */
  static async open(urls) {
    const front = new Front(urls);
    await new Promise((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    front.url = `http://127.0.0.1:${front.server.address().port}`;
    return front;
  }

  close() {
    this.server.close();
    this.cut();
  }

  /** Breaks all connections, those of WebSockets included, and lets none in until `mend`. */
  cut() {
    this.isDown = true;
    this.server.closeAllConnections();
    for (const socket of this.tunnels) socket.destroy();
  }

  mend() {
    this.isDown = false;
  }

  next() {
    this.turn = (this.turn + 1) % this.urls.length;
    this.turns[this.turn] += 1;
    return new URL(this.urls[this.turn]);
  }

  pass(asked, answer) {
    if (this.isDown) {
      asked.socket.destroy();
      return;
    }
    const { hostname, port } = this.next();
    const { method, url: path, headers } = asked;
    const passed = request({ hostname, port, method, path, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  }

  tunnel(asked, socket, first) {
    if (this.isDown) {
      socket.destroy();
      return;
    }
    const { hostname, port } = this.next();
    this.tunnels.add(socket);
    socket.on('close', () => this.tunnels.delete(socket));
    const server = connect(Number(port), hostname, () => {
      const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
      for (let index = 0; index < asked.rawHeaders.length; index += 2) lines.push(`${asked.rawHeaders[index]}: ${asked.rawHeaders[index + 1]}`);
      server.write(`${lines.join('\r\n')}\r\n\r\n`);
      server.write(first);
      socket.pipe(server).pipe(socket);
    });
    for (const [one, other] of [[socket, server], [server, socket]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }
}
