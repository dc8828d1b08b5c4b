/** A promise, and how to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/**
 * A promise whose failure is shown in a state, too: it rejects for those who look at it, and is not reported as unhandled where nobody
 * does.
 */
export function shown<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
