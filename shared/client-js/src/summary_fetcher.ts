import { Alarm } from './alarm.js';
import { MessagingError } from './error.js';
import type { Lifetime } from './lifetime.js';
import { pathOf } from './rest.js';
import type { Rest } from './rest.js';
import type { Summaries } from './summaries.js';
import type { Conversation, ConversationsPage } from './wire.js';

/** Between two rounds: what is doubted meanwhile is asked for together. */
const ROUND_MS = 500;

/** After a failed round. */
const RETRY_MS = 5_000;

/** Conversations asked for one by one; of more the latest are asked for as a list, and what that does not tell in later rounds. */
const SINGLE_MAX = 5;
const LIST_MAX = 100;

/** Asks for what is known of conversations when events alone do not say. */
export class SummaryFetcher {
  readonly #rest: Rest;
  readonly #summaries: Summaries;
  readonly #lifetime: Lifetime;
  readonly #doubted = new Set<string>();
  #isAsking = false;
  #isListed = false;
  readonly #round = new Alarm(() => {
    void this.#ask();
  });

  constructor(rest: Rest, summaries: Summaries, lifetime: Lifetime) {
    this.#rest = rest;
    this.#summaries = summaries;
    this.#lifetime = lifetime;
    lifetime.onEnd(() => {
      this.#round.clear();
    });
  }

  /** Asks for a conversation at the next round; the first round is at once. */
  want(id: string): void {
    this.#doubted.add(id);
    if (!this.#isAsking && !this.#round.isSet && !this.#lifetime.isOver) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    let waitMs = ROUND_MS;
    try {
      if (this.#doubted.size > SINGLE_MAX && !this.#isListed) await this.#askForList();
      else await this.#askOneByOne();
    } catch (thrown) {
      const { retryAfterMs } = MessagingError.from(thrown);
      waitMs = Math.max(RETRY_MS, retryAfterMs ?? 0);
    }
    this.#isAsking = false;
    if (this.#doubted.size === 0) this.#isListed = false;
    else if (!this.#lifetime.isOver) this.#round.set(waitMs);
  }

  /** What is doubted had something happen, so that it is among the latest. The round after a list is one by one. */
  async #askForList(): Promise<void> {
    const doubted = [...this.#doubted];
    this.#doubted.clear();
    const limit = Math.min(LIST_MAX, 2 * doubted.length);
    try {
      const page = await this.#rest.json<ConversationsPage>('/api/messages/conversations', { query: { limit } });
      for (const item of page.items) this.#summaries.told(item);
      const told = new Set(page.items.map(({ id }) => id));
      for (const id of doubted) if (!told.has(id)) this.#doubted.add(id);
      this.#isListed = true;
    } catch (error) {
      for (const id of doubted) this.#doubted.add(id);
      throw error;
    }
  }

  async #askOneByOne(): Promise<void> {
    const ids = [...this.#doubted].slice(0, SINGLE_MAX);
    const asked = ids.map(async (id) => {
      this.#doubted.delete(id);
      try {
        this.#summaries.told(await this.#rest.json<Conversation>(pathOf(id)));
      } catch (thrown) {
        const error = MessagingError.from(thrown);
        // Refused for good: it is not this user's, and asking again does not help.
        if (!error.isRetryable) return;
        this.#doubted.add(id);
        throw error;
      }
    });
    const outcomes = await Promise.allSettled(asked);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    if (this.#doubted.size <= SINGLE_MAX) this.#isListed = false;
  }
}
