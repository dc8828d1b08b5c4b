// Waiting for a state, within a bound. Nothing waits for a time.

import { setTimeout as delay } from 'node:timers/promises';

/** What comes at all comes well within this time. */
export const BOUND_MS = 20_000;

const LOOK_MS = 10;

/** Waits until something holds; fails with its name after the bound. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, boundMs = BOUND_MS): Promise<void> {
  const endsAt = Date.now() + boundMs;
  while (!(await holds())) {
    if (Date.now() > endsAt) throw new Error(`not within ${String(boundMs)} ms: ${what}`);
    await delay(LOOK_MS);
  }
}

/** Waits for a promise; fails with its name after the bound. */
export async function within<T>(what: string, promise: Promise<T>, boundMs = BOUND_MS): Promise<T> {
  const stop = new AbortController();
  const late = delay(boundMs, undefined, { signal: stop.signal }).then(
    () => {
      throw new Error(`not within ${String(boundMs)} ms: ${what}`);
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
