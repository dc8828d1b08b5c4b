// A front before several servers that knows no sessions: each request, and each WebSocket, goes to the next one. A GET that one answers
// with 503 is asked of another, and so is whatever one takes no connection for, as deploy/front has it.

import { createServer, request } from 'node:http';
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';

export class Front {
  constructor(urls) {
    this.urls = [...urls];
    /** How many requests each server has had. */
    this.turns = urls.map(() => 0);
    this.turn = 0;
    this.places = urls.map((_, place) => place);
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

  /** From now on only these servers, by their places, are given requests; what is open stays. */
  use(places) {
    this.places = places;
  }

  next() {
    this.turn = (this.turn + 1) % this.places.length;
    const place = this.places[this.turn];
    this.turns[place] += 1;
    return new URL(this.urls[place]);
  }

  pass(asked, answer, others = this.places.length - 1) {
    if (this.isDown) {
      asked.socket.destroy();
      return;
    }
    const { hostname, port } = this.next();
    const { method, url: path, headers } = asked;
    const passed = request({ hostname, port, method, path, headers, agent: false }, (got) => {
      if (got.statusCode === 503 && method === 'GET' && others > 0) {
        got.resume();
        this.pass(asked, answer, others - 1);
        return;
      }
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    passed.on('error', ({ code }) => {
      // Nobody has had it yet.
      if (code === 'ECONNREFUSED' && others > 0) this.pass(asked, answer, others - 1);
      else answer.destroy();
    });
    passed.on('socket', (socket) => socket.once('connect', () => asked.pipe(passed)));
    answer.on('close', () => passed.destroy());
  }

  tunnel(asked, socket, first, others = this.places.length - 1) {
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
      server.write(`${lines.join('\r\n')}${HEAD_END}`);
      server.write(first);
    });
    const abort = () => socket.destroy();
    const another = () => {
      server.off('close', abort);
      server.destroy();
      this.tunnel(asked, socket, first, others - 1);
    };
    server.on('close', abort);
    server.on('error', ({ code }) => (code === 'ECONNREFUSED' && others > 0 ? another() : abort()));
    socket.on('error', () => server.destroy());
    socket.on('close', () => server.destroy());
    server.once('data', (head) => {
      if (head.toString('latin1').startsWith('HTTP/1.1 503 ') && others > 0) {
        another();
        return;
      }
      socket.write(head);
      socket.pipe(server).pipe(socket);
    });
  }
}
