import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';

import { Alarm } from './alarm.js';
import { Backoff } from './backoff.js';
import { deferred } from './deferred.js';
import type { Deferred } from './deferred.js';
import { MessagingError } from './error.js';
import type { ConnectionState } from './options.js';
import { Listeners, Store } from './store.js';
import type { Tokens } from './token.js';
import type { Ack, ClientEvents, ServerEvents } from './wire.js';

/** Waits before connecting anew where socket.io-client does not do so by itself. */
const RECONNECT_FIRST_MS = 1_000;
const RECONNECT_LAST_MS = 10_000;

/** How long the server may take to let in a client that has given its token. */
const ADMISSION_MS_MAX = 20_000;

/** For so long after a loss a connection over the limit is tried again: what it was before may still count. */
const GHOST_MS_MAX = 60_000;

/** What a connection needs to know. */
export interface ConnectionOptions {
  /** Origin of the gateways; the page's own if it is left out. */
  url: string | undefined;
  transports: ('polling' | 'websocket')[] | undefined;
  callTimeoutMs: number;
}

/** The `data` of a refused connection. */
interface Refusal extends Error {
  data?: { code?: string };
  /** Of a poll that failed: the status of its answer, where the page gets to know it. */
  type?: string;
  description?: unknown;
}

const FORBIDDEN = 403;

/**
 * A Socket.IO connection that is made anew whenever it is lost, with a fresh token each time.
 *
 * socket.io-client reconnects after a transport was lost, but not once the server has ended or refused the namespace: that is done
 * here, unless the refusal is for good.
 */
export class Connection {
  readonly state = new Store<ConnectionState>({ status: 'idle', error: null, since: Date.now() });
  /** It is there (again); `recovered` when the server gives what was missed of joined conversations. */
  readonly up = new Listeners<[recovered: boolean]>();
  readonly down = new Listeners<[]>();
  readonly events = new Listeners<[event: string, data: unknown]>();

  readonly #options: ConnectionOptions;
  readonly #tokens: Tokens;
  readonly #backoff = new Backoff(RECONNECT_FIRST_MS, RECONNECT_LAST_MS);
  readonly #retry = new Alarm(() => this.#socket?.connect());
  readonly #admission = new Alarm(() => this.#socket?.io.engine.close());
  #socket: Socket | null = null;
  #connecting: Deferred<void> | null = null;
  /** Counts transports, so that a token that comes late is not sent on another one. */
  #attempt = 0;
  /** The token of the present attempt. */
  #offered = '';
  #hasTriedAnotherToken = false;
  #lostAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionOptions, tokens: Tokens) {
    this.#options = options;
    this.#tokens = tokens;
  }

  get isConnected(): boolean {
    return this.state.get().status === 'connected';
  }

  get isClosed(): boolean {
    return this.state.get().status === 'closed';
  }

  /** Begins to connect, or waits for it; resolves when connected, rejects when refused or closed. */
  connect(): Promise<void> {
    const { status } = this.state.get();
    if (status === 'closed') return Promise.reject(MessagingError.closed());
    if (status === 'connected') return Promise.resolve();
    this.#connecting ??= deferred();
    const { promise } = this.#connecting;
    if (status === 'idle' || status === 'refused') {
      this.#become('connecting', null);
      this.#hasTriedAnotherToken = false;
      this.#socket ??= this.#makeSocket();
      this.#socket.connect();
    }
    return promise;
  }

  /** Ends it for good. */
  close(): void {
    if (this.isClosed) return;
    if (typeof removeEventListener === 'function') removeEventListener('online', this.#hasten);
    this.#become('closed', null);
    this.#stopTrying();
    this.down.call();
    this.#settle(MessagingError.closed());
  }

  /** Sends an event and resolves with what its acknowledgement adds; nothing waits for a connection. */
  call<E extends keyof ClientEvents>(event: E, data: ClientEvents[E]['data']): Promise<ClientEvents[E]['ack']> {
    const socket = this.#socket;
    if (this.isClosed) return Promise.reject(MessagingError.closed());
    if (!socket?.connected) return Promise.reject(MessagingError.unavailable('not connected'));
    return new Promise((resolve, reject) => {
      const answered = (error: Error | null, ack: Ack<ClientEvents[E]['ack']>): void => {
        if (error !== null) reject(MessagingError.unavailable(`${event} was not answered`, error));
        else if (ack.ok) resolve(ack);
        else reject(MessagingError.fromFault(ack.error));
      };
      socket.timeout(this.#options.callTimeoutMs).emit(event, data, answered);
    });
  }

  #makeSocket(): Socket {
    const { url = '', transports } = this.#options;
    const socket = io(`${url}/messages`, {
      autoConnect: false,
      forceNew: true,
      auth: this.#offerToken,
      ...(transports === undefined ? {} : { transports }),
    });
    socket.on('connect', () => {
      this.#connected(socket.recovered);
    });
    socket.on('disconnect', (reason) => {
      this.#disconnected(socket, reason);
    });
    socket.on('connect_error', (error: Refusal) => {
      this.#notConnected(socket, error);
    });
    socket.onAny((event: string, data: unknown) => {
      this.#take(event, data);
    });
    socket.io.on('close', () => {
      this.#attempt += 1;
      this.#admission.clear();
    });
    if (typeof addEventListener === 'function') addEventListener('online', this.#hasten);
    return socket;
  }

  readonly #offerToken = (offer: (auth: object) => void): void => {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#tokens.fresh().then(
      (token) => {
        if (attempt !== this.#attempt) return;
        this.#offered = token;
        this.#admission.set(ADMISSION_MS_MAX);
        offer({ token });
      },
      (error: unknown) => {
        if (attempt === this.#attempt) this.#hasNoToken(MessagingError.from(error));
      },
    );
  };

  #take(event: string, data: unknown): void {
    if (event === 'connected') {
      const { userId, serverTime } = data as ServerEvents['connected'];
      this.#tokens.noteServer(userId, serverTime);
    }
    this.events.call(event, data);
  }

  #connected(recovered: boolean): void {
    this.#admission.clear();
    this.#backoff.reset();
    this.#hasTriedAnotherToken = false;
    this.#become('connected', null);
    this.up.call(recovered);
    this.#settle(null);
  }

  #disconnected(socket: Socket, reason: string): void {
    // What could not be written any more would be sent after the next connect, when it is stale.
    socket.sendBuffer.length = 0;
    const { status } = this.state.get();
    if (status === 'closed') return;
    this.#become('offline', MessagingError.unavailable(`the connection was lost: ${reason}`));
    // A transport that ends before the namespace was joined is told of, too.
    if (status === 'connected') {
      this.#lostAtMs = Date.now();
      this.down.call();
    }
    if (!socket.active) this.#retry.set(this.#backoff.next());
  }

  #notConnected(socket: Socket, error: Refusal): void {
    if (this.isClosed) return;
    // The service knows no status but this one for a page whose origin it does not allow; where it once did, a front may have said so.
    if (error.type === 'TransportError' && error.description === FORBIDDEN && this.#lostAtMs < 0) {
      this.#refuse(new MessagingError('forbidden', 'the service does not take connections from this page', { cause: error }));
      return;
    }
    if (socket.active) {
      this.#become('offline', MessagingError.unavailable('the service cannot be reached', error));
      return;
    }
    // Without a code: an address where no such namespace is.
    const refusal = new MessagingError(error.data?.code ?? 'not_found', error.message, { cause: error });
    if (refusal.code === 'unauthorized' && !this.#hasTriedAnotherToken) {
      this.#hasTriedAnotherToken = true;
      this.#tokens.forget(this.#offered);
      this.#retry.set(0);
    } else if (this.#mayPass(refusal)) {
      this.#become('offline', refusal);
      this.#retry.set(this.#backoff.next());
    } else {
      this.#refuse(refusal);
    }
  }

  #mayPass({ code, isRetryable }: MessagingError): boolean {
    if (isRetryable || code === 'internal') return true;
    return code === 'limit_reached' && Date.now() - this.#lostAtMs < GHOST_MS_MAX;
  }

  #hasNoToken(error: MessagingError): void {
    this.#stopTrying();
    if (error.isRetryable) {
      this.#become('offline', error);
      this.#retry.set(this.#backoff.next());
    } else {
      this.#refuse(error);
    }
  }

  #refuse(error: MessagingError): void {
    this.#stopTrying();
    this.#become('refused', error);
    this.#settle(error);
  }

  #stopTrying(): void {
    this.#retry.clear();
    this.#admission.clear();
    this.#attempt += 1;
    this.#socket?.disconnect();
  }

  /** The network is back: tries at once what would be tried within seconds. */
  readonly #hasten = (): void => {
    if (this.state.get().status !== 'offline') return;
    this.#stopTrying();
    this.#socket?.connect();
  };

  #become(status: ConnectionState['status'], error: MessagingError | null): void {
    const before = this.state.get();
    const since = before.status === status ? before.since : Date.now();
    this.state.set({ status, error, since });
  }

  #settle(error: MessagingError | null): void {
    const connecting = this.#connecting;
    this.#connecting = null;
    if (error === null) connecting?.resolve();
    else connecting?.reject(error);
  }
}
