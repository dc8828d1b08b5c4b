import { useSyncExternalStore } from 'react';

const STEP_MS = 30_000;

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** One timer for all that tell a relative time, and none while nothing does. */
function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) timer = setInterval(tick, STEP_MS);
  listeners.add(listener);
  now = Date.now();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** The time, as exactly as relative times need it. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
