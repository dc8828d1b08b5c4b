import { Backoff } from './backoff.js';
import { MessagingError } from './error.js';
import type { Lifetime } from './lifetime.js';

const FIRST_WAIT_MS = 300;
const LAST_WAIT_MS = 5_000;

/** Which errors are worth another attempt. */
export type IsWorthRetrying = (error: MessagingError) => boolean;

/** Refused without having been done: another attempt does nothing twice. */
export const isRateLimited: IsWorthRetrying = (error) => error.code === 'rate_limited';

const isRetryable: IsWorthRetrying = (error) => error.isRetryable;

/** Does something up to `attemptsMax` times, until it succeeds or fails for good; rejects with the last error. */
export async function retrying<T>(
  lifetime: Lifetime,
  attempt: () => Promise<T>,
  { attemptsMax = 3, isWorthIt = isRetryable }: { attemptsMax?: number; isWorthIt?: IsWorthRetrying } = {},
): Promise<T> {
  const backoff = new Backoff(FIRST_WAIT_MS, LAST_WAIT_MS);
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = MessagingError.from(thrown);
      if (attempts >= attemptsMax || lifetime.isOver || !isWorthIt(error)) throw error;
      await lifetime.sleep(backoff.next(error.retryAfterMs));
    }
  }
}
