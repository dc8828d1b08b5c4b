import { MessagingError } from './error.js';
import { Listeners } from './store.js';

/** How long a client lives: what waits on its behalf ends with it. */
export class Lifetime {
  #isOver = false;
  readonly #ends = new Listeners<[]>();

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls back when it ends; returns how not to. */
  onEnd(callback: () => void): () => void {
    return this.#ends.add(callback);
  }

  /** Waits so many milliseconds; rejects with `closed` when it ends before. */
  sleep(ms: number): Promise<void> {
    if (this.#isOver) return Promise.reject(MessagingError.closed());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        forget();
        resolve();
      }, ms);
      const forget = this.onEnd(() => {
        clearTimeout(timer);
        reject(MessagingError.closed());
      });
    });
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ends.call();
    this.#ends.clear();
  }
}
