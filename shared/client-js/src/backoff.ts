/** The longest wait that the service may ask for by `Retry-After`. */
const RETRY_AFTER_MS_MAX = 30_000;

/** Waits that double from one attempt to the next up to a limit, each somewhere between its half and its whole. */
export class Backoff {
  #attempts = 0;
  readonly #firstMs: number;
  readonly #lastMs: number;

  constructor(firstMs: number, lastMs: number) {
    this.#firstMs = firstMs;
    this.#lastMs = lastMs;
  }

  /** How long to wait before the next attempt, in milliseconds, and no less than the service asked for. */
  next(retryAfterMs: number | null = null): number {
    const whole = Math.min(this.#lastMs, this.#firstMs * 2 ** this.#attempts);
    if (whole < this.#lastMs) this.#attempts += 1;
    const ms = whole * (0.5 + Math.random() / 2);
    return Math.max(ms, Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
