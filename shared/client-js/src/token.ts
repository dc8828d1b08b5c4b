import { MessagingError } from './error.js';

/** How long the application may take to give a token. */
const ASK_MS_MAX = 30_000;

/** What is left of a token's time when it is not used for a request any more. */
const LEFT_MS_MIN = 2_000;

/** What a token says, as far as it can be read. It is not verified: that is the service's to do. */
export interface Claims {
  /** The user; null if it names none. */
  sub: string | null;
  /** What the user is called; null if it does not say. */
  name: string | null;
  expiresAtMs: number | null;
}

/** Reads the claims of a JWT; one that cannot be read has none. */
export function readClaims(token: string): Claims {
  try {
    const base64 = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown; name?: unknown; exp?: unknown } | null;
    return {
      sub: textOf(claims?.sub),
      name: textOf(claims?.name),
      expiresAtMs: typeof claims?.exp === 'number' ? claims.exp * 1_000 : null,
    };
  } catch {
    return { sub: null, name: null, expiresAtMs: null };
  }
}

function textOf(claim: unknown): string | null {
  return typeof claim === 'string' && claim.trim() !== '' ? claim : null;
}

/** The tokens of one user, which the application gives. */
export class Tokens {
  readonly #ask: () => string | Promise<string>;
  #token: string | null = null;
  #expiresAtMs: number | null = null;
  #asking: Promise<string> | null = null;
  #userId: string | null = null;
  /** What the server's clock is ahead of ours by. */
  #aheadMs = 0;

  constructor(ask: () => string | Promise<string>) {
    this.#ask = ask;
  }

  /** The user; null before the first token. */
  get userId(): string | null {
    return this.#userId;
  }

  /** The time by the server's clock, in milliseconds; by one's own until the server has told its. */
  get serverNowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** How long the last token still holds by the server's clock; null if it does not say, or there is none. */
  get leftMs(): number | null {
    if (this.#expiresAtMs === null) return null;
    return this.#expiresAtMs - this.serverNowMs;
  }

  /** The user and the time, as the server sees them. */
  noteServer(userId: string, serverTime: string): void {
    this.#userId ??= userId;
    const ms = Date.parse(serverTime);
    if (Number.isFinite(ms)) this.#aheadMs = ms - Date.now();
  }

  /** The last token unless it has expired; a new one then. */
  async usable(): Promise<string> {
    const { leftMs } = this;
    const isOver = leftMs !== null && leftMs < LEFT_MS_MIN;
    return this.#token === null || isOver ? this.fresh() : this.#token;
  }

  /** The last token was refused: it is not used again. One that came meanwhile is. */
  forget(refused: string): void {
    if (this.#token === refused) this.#token = null;
  }

  /**
   * A new token. Who asks at the same time gets the same one. Rejects with `unavailable` if the application has none to give now,
   * and with its own error if it throws a `MessagingError`.
   */
  fresh(): Promise<string> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<string> {
    const token = await this.#asked();
    if (typeof token !== 'string' || token === '') throw new MessagingError('unauthorized', 'the application gave no token');
    const { sub, expiresAtMs } = readClaims(token);
    if (sub !== null && this.#userId !== null && sub !== this.#userId) {
      throw new MessagingError('forbidden', 'the token is another user’s: a client is for one user');
    }
    this.#userId ??= sub;
    this.#token = token;
    this.#expiresAtMs = expiresAtMs;
    return token;
  }

  async #asked(): Promise<unknown> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(MessagingError.unavailable('the application gave no token in time'));
      }, ASK_MS_MAX);
    });
    try {
      return await Promise.race([Promise.resolve().then(this.#ask), late]);
    } catch (error) {
      if (error instanceof MessagingError) throw error;
      throw MessagingError.unavailable('the application could not give a token', error);
    } finally {
      clearTimeout(timer);
    }
  }
}
