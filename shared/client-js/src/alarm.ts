/** The longest delay that `setTimeout` takes; a longer one would fire at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** One timer, which is set anew or cleared. */
export class Alarm {
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #ring: () => void;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  get isSet(): boolean {
    return this.#timer !== null;
  }

  /** Rings once after so long, and not when it was to ring before. */
  set(ms: number): void {
    this.clear();
    const now = Math.min(ms, TIMEOUT_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (ms > now) this.set(ms - now);
      else this.#ring();
    }, now);
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
