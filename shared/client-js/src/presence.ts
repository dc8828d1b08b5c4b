import { Alarm } from './alarm.js';
import { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import { MessagingError } from './error.js';
import { Store } from './store.js';
import type { Readable } from './store.js';
import type { PresenceItem } from './wire.js';

/** Users that one call may ask about. */
const CALL_USERS_MAX = 100;

/** What is subscribed to within so long is asked for together. */
const COLLECT_MS = 5;

/** Users who are remembered though nobody watches them any more. */
const UNWATCHED_MAX = 1_000;

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 10_000;

/** What is known of one user. */
class Watched implements Readable<PresenceItem | null> {
  readonly store = new Store<PresenceItem | null>(null);
  /** Whether events have told of each change since it was asked for. */
  isCurrent = false;
  watchers = 0;
  readonly #watch: () => () => void;

  constructor(watch: (self: Watched) => () => void) {
    this.#watch = () => watch(this);
  }

  readonly get = (): PresenceItem | null => this.store.get();

  readonly subscribe = (listener: () => void): (() => void) => {
    const unsubscribe = this.store.subscribe(listener);
    const unwatch = this.#watch();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      unsubscribe();
      unwatch();
    };
  };
}

/** Who is online, of the users that somebody watches: asked for once, and then kept by events. */
export class PresenceWatcher {
  readonly #connection: Connection;
  readonly #users = new Map<string, Watched>();
  readonly #wanted = new Set<string>();
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_LAST_MS);
  readonly #collect = new Alarm(() => void this.#ask());
  #isAsking = false;
  /** Counts connections: an answer of an earlier one may be out of date. */
  #era = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  user(userId: string): Readable<PresenceItem | null> {
    const known = this.#users.get(userId);
    if (known !== undefined) return known;
    this.#forgetSome();
    const watched = new Watched((self) => this.#watch(userId, self));
    this.#users.set(userId, watched);
    return watched;
  }

  /** Somebody came or went. */
  told(item: PresenceItem): void {
    const watched = this.#users.get(item.userId);
    if (watched === undefined) return;
    watched.store.set(item);
    watched.isCurrent = this.#connection.isConnected;
  }

  connectionIsUp(): void {
    this.#era += 1;
    this.#backoff.reset();
    for (const [userId, watched] of this.#users) {
      watched.isCurrent = false;
      if (watched.watchers > 0) this.#wanted.add(userId);
    }
    if (this.#wanted.size > 0) this.#collect.set(COLLECT_MS);
  }

  close(): void {
    this.#collect.clear();
    this.#wanted.clear();
  }

  #watch(userId: string, watched: Watched): () => void {
    // It may have been forgotten while nobody watched.
    this.#users.set(userId, watched);
    watched.watchers += 1;
    if (!watched.isCurrent) {
      this.#wanted.add(userId);
      if (!this.#collect.isSet) this.#collect.set(COLLECT_MS);
    }
    return () => {
      watched.watchers -= 1;
    };
  }

  async #ask(): Promise<void> {
    if (this.#isAsking || !this.#connection.isConnected) return;
    this.#isAsking = true;
    let waitMs = COLLECT_MS;
    const userIds = [...this.#wanted].slice(0, CALL_USERS_MAX);
    for (const userId of userIds) this.#wanted.delete(userId);
    try {
      if (userIds.length > 0) await this.#askFor(userIds);
      this.#backoff.reset();
    } catch (thrown) {
      const error = MessagingError.from(thrown);
      waitMs = this.#backoff.next(error.retryAfterMs);
      if (error.isRetryable) for (const userId of userIds) this.#wanted.add(userId);
    }
    this.#isAsking = false;
    if (this.#wanted.size > 0) this.#collect.set(waitMs);
  }

  async #askFor(userIds: string[]): Promise<void> {
    const era = this.#era;
    const { items } = await this.#connection.call('get_presence', { userIds });
    const told = new Map(items.map((item) => [item.userId, item]));
    for (const userId of userIds) {
      const watched = this.#users.get(userId);
      if (watched === undefined) continue;
      watched.isCurrent = era === this.#era;
      // Of whom nothing is told there is no contract (any more).
      watched.store.set(told.get(userId) ?? null);
    }
  }

  #forgetSome(): void {
    if (this.#users.size < UNWATCHED_MAX) return;
    for (const [userId, watched] of this.#users) if (watched.watchers === 0) this.#users.delete(userId);
  }
}
