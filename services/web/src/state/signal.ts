/** Tells those who listen that something changed; fits React's `useSyncExternalStore`. */
export class Signal {
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
