import type { MessagingError } from './error.js';

/** How a client is made. */
export interface ClientOptions {
  /** Origin of the gateways, such as `https://messages.example.com`. Default: the page's own. */
  url?: string;
  /** Origin of the API; default: that of `url`. */
  apiUrl?: string;
  /**
   * Asked for whenever a token is needed: at each connect, before REST calls when the last one has expired, and before it expires.
   * A client is for one user: a token of another one is refused.
   */
  token: () => string | Promise<string>;
  /** How long before a token's `exp` a new one is asked for and given to the gateway by `refresh_token`. Default 60,000. */
  refreshBeforeMs?: number;
  /** After so long without an acknowledgement a call counts as not answered. Default 10,000. */
  callTimeoutMs?: number;
  /** Passed on to socket.io-client. */
  transports?: ('polling' | 'websocket')[];
}

/** Whether the client is connected. */
export interface ConnectionState {
  /**
   * `offline`: the connection is lost and is being made anew by itself. `refused`: it is not tried again by itself (bad token,
   * connection limit, an origin that is not allowed); call `connect()`.
   */
  status: 'idle' | 'connecting' | 'connected' | 'offline' | 'refused' | 'closed';
  error: MessagingError | null;
  /** Since when (Date.now()). */
  since: number;
}
