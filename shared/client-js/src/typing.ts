import { Alarm } from './alarm.js';
import type { UserTyping } from './wire.js';

/** The service lets typing that is not renewed lapse after 5 s: it is renewed in time, and ended before. */
const RENEW_MS = 3_000;
const IDLE_MS = 4_000;

/** Others' typing is dropped after so long, in case its end got lost with a connection. */
const LAPSE_MS = 6_000;

/** Tells of one's own typing. */
export class TypingSender {
  readonly #tell: (isTyping: boolean) => void;
  readonly #idle = new Alarm(() => {
    this.stop();
  });
  #toldAt = 0;
  #isTyping = false;

  constructor(tell: (isTyping: boolean) => void) {
    this.#tell = tell;
  }

  /** A key was pressed. */
  typed(): void {
    this.#idle.set(IDLE_MS);
    const now = Date.now();
    if (this.#isTyping && now - this.#toldAt < RENEW_MS) return;
    this.#isTyping = true;
    this.#toldAt = now;
    this.#tell(true);
  }

  stop(): void {
    this.#idle.clear();
    if (!this.#isTyping) return;
    this.#isTyping = false;
    this.#tell(false);
  }

  /** The connection is gone, and with it what was told: the next key tells anew. */
  forget(): void {
    this.#idle.clear();
    this.#isTyping = false;
  }
}

/** Who else is typing in a conversation. */
export class TypingBoard {
  readonly #changed: () => void;
  readonly #lapses = new Map<string, Alarm>();
  #users: readonly string[] = Object.freeze([]);

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Those who type, in the order in which they began; the same array until that changes. */
  get users(): readonly string[] {
    return this.#users;
  }

  told({ userId, isTyping }: UserTyping): void {
    if (!isTyping) {
      this.ended(userId);
      return;
    }
    const known = this.#lapses.get(userId);
    const lapse =
      known ??
      new Alarm(() => {
        this.ended(userId);
      });
    lapse.set(LAPSE_MS);
    if (known !== undefined) return;
    this.#lapses.set(userId, lapse);
    this.#change();
  }

  ended(userId: string): void {
    const lapse = this.#lapses.get(userId);
    if (lapse === undefined) return;
    lapse.clear();
    this.#lapses.delete(userId);
    this.#change();
  }

  clear(): void {
    for (const userId of [...this.#lapses.keys()]) this.ended(userId);
  }

  #change(): void {
    this.#users = Object.freeze([...this.#lapses.keys()]);
    this.#changed();
  }
}
