/** A value that changes; fits React's `useSyncExternalStore`. Both functions may be passed on without their object. */
export interface Readable<T> {
  /** The present value: the same frozen object until something changed. */
  readonly get: () => T;
  /** Calls back after each change, once for all that happen together; returns how to end it. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** Calls a function of the application's. What it throws is reported as uncaught and goes no further, so that others are still called. */
export function callSafely<A extends unknown[]>(callback: (...values: A) => void, ...values: A): void {
  try {
    callback(...values);
  } catch (error) {
    if (typeof reportError === 'function') reportError(error);
    else
      queueMicrotask(() => {
        throw error;
      });
  }
}

/** Listeners to one thing. Who unsubscribes while they are called is not called any more; who subscribes then, not yet. */
export class Listeners<A extends unknown[]> {
  #listeners = new Map<symbol, (...values: A) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a listener, also one that is there already; returns how to end it, which may be called more than once. */
  add(listener: (...values: A) => void): () => void {
    const key = Symbol('listener');
    this.#listeners.set(key, listener);
    return () => {
      this.#listeners.delete(key);
    };
  }

  call(...values: A): void {
    for (const [key, listener] of [...this.#listeners]) {
      if (this.#listeners.has(key)) callSafely(listener, ...values);
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** A value that is made anew when it is asked for after a change, and listeners that hear of changes in a microtask. */
export class Derived<T extends object> implements Readable<T> {
  #make: () => T;
  #value: T | null = null;
  #isToldSoon = false;
  #listeners = new Listeners<[]>();

  constructor(make: () => T) {
    this.#make = make;
  }

  readonly get = (): T => {
    this.#value ??= Object.freeze(this.#make());
    return this.#value;
  };

  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener);

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** What the value is made of has changed. */
  changed(): void {
    this.#value = null;
    if (this.#isToldSoon) return;
    this.#isToldSoon = true;
    queueMicrotask(() => {
      this.#isToldSoon = false;
      this.#listeners.call();
    });
  }
}

/** A value that is set. */
export class Store<T> implements Readable<T> {
  #value: T;
  #isToldSoon = false;
  #listeners = new Listeners<[]>();

  constructor(value: T) {
    this.#value = Object.freeze(value);
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener);

  get listenerCount(): number {
    return this.#listeners.size;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = Object.freeze(value);
    if (this.#isToldSoon) return;
    this.#isToldSoon = true;
    queueMicrotask(() => {
      this.#isToldSoon = false;
      this.#listeners.call();
    });
  }
}
