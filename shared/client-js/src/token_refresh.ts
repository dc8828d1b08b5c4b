import { Alarm } from './alarm.js';
import { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import { MessagingError } from './error.js';
import type { Tokens } from './token.js';

const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 10_000;

/** Gives the gateway a new token before the last one expires, so that the connection stays. */
export class TokenRefresh {
  readonly #tokens: Tokens;
  readonly #connection: Connection;
  readonly #beforeMs: number;
  readonly #backoff = new Backoff(WAIT_MS_MIN, WAIT_MS_MAX);
  readonly #alarm = new Alarm(() => {
    void this.#refresh();
  });

  constructor(tokens: Tokens, connection: Connection, beforeMs: number) {
    this.#tokens = tokens;
    this.#connection = connection;
    this.#beforeMs = beforeMs;
    connection.up.add(() => {
      this.#plan();
    });
    connection.down.add(() => {
      this.#alarm.clear();
    });
    // A recovered connection is not told the server's time; a new one is, and may need another plan for it.
    connection.events.add((event) => {
      if (event === 'connected') this.#plan();
    });
  }

  /** Of a token that holds for less than `beforeMs` half is waited; one that is nearly over is left to `token_expired`. */
  #plan(): void {
    const { leftMs } = this.#tokens;
    if (leftMs === null || leftMs < 2 * WAIT_MS_MIN) {
      this.#alarm.clear();
      return;
    }
    const waitMs = leftMs - this.#beforeMs;
    this.#alarm.set(waitMs > 0 ? waitMs : leftMs / 2);
  }

  async #refresh(): Promise<void> {
    try {
      const token = await this.#tokens.fresh();
      await this.#connection.call('refresh_token', { token });
      this.#backoff.reset();
      if (this.#connection.isConnected) this.#plan();
    } catch (thrown) {
      const error = MessagingError.from(thrown);
      // Of what is refused for good the server tells once more, when the connection has to be made anew.
      if (error.isRetryable && this.#connection.isConnected) this.#alarm.set(this.#backoff.next());
    }
  }
}
