import type { StoredMessage } from './conversation.js';
import { isNotOlder, isSameState } from './version.js';
import type { Message } from './wire.js';

/** Messages that are kept until those before them are there. What does not fit is fetched when it is its turn. */
const PARKED_MAX = 2_000;

/**
 * The part of a conversation's log that is loaded: without holes or repeats, by ascending `seq`, whatever comes in whatever order.
 *
 * It begins with a page, and grows at its end by what comes and at its beginning by further pages. What comes too early is parked.
 */
export class MessageLog {
  #messages: StoredMessage[] = [];
  #isStarted = false;
  #isExtended = false;
  #lastHeard = 0;
  readonly #parked = new Map<number, Message>();

  /** Whether there is a first page. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  get messages(): readonly StoredMessage[] {
    return this.#messages;
  }

  /** The first `seq` that is loaded, or the one that will be. */
  get first(): number {
    return this.#messages[0]?.seq ?? 1;
  }

  /** The last `seq` that is loaded without a hole; 0 if none is. */
  get last(): number {
    return this.#messages.at(-1)?.seq ?? 0;
  }

  /** The highest `seq` that is known to exist. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  get isBehind(): boolean {
    return this.#isStarted && this.last < this.#lastHeard;
  }

  /** A message of this `seq` is known to exist. */
  heardOf(seq: number): void {
    this.#lastHeard = Math.max(this.#lastHeard, seq);
  }

  /** Begins (anew) with the newest page; returns what is now loaded that was not, in order. */
  start(page: readonly Message[]): Message[] {
    const before = this.last;
    const newest = page.map((message) => this.#latest(message));
    this.#isStarted = true;
    this.#messages = newest.map(stored);
    this.heardOf(this.last);
    return [...newest.filter(({ seq }) => seq > before), ...this.#unpark()];
  }

  /**
   * Takes a message, or another state of one. Returns those that are now loaded and were not, in order; none if it is parked, too
   * early, or only changed.
   */
  accept(message: Message): Message[] {
    this.heardOf(message.seq);
    if (!this.#isStarted || message.seq > this.last + 1) {
      this.#park(message);
      return [];
    }
    if (message.seq <= this.last) {
      this.#change(message);
      return [];
    }
    const latest = this.#latest(message);
    this.#messages.push(stored(latest));
    return [latest, ...this.#unpark()];
  }

  /** A page that comes before what is loaded is asked for: from now on changes of messages in it are kept. */
  extend(): void {
    this.#isExtended = true;
  }

  /** Puts a page in front, if it is the one before what is loaded; the log may have been begun anew since it was asked for. */
  prepend(page: readonly Message[]): void {
    if (!this.#isStarted || page.at(-1)?.seq !== this.first - 1) return;
    this.#messages = [...page.map((message) => stored(this.#latest(message))), ...this.#messages];
  }

  /** Forgets all before a `seq`. */
  dropBefore(seq: number): void {
    const count = seq - this.first;
    if (count > 0) this.#messages = this.#messages.slice(count);
  }

  /** No earlier page is waited for any more; whoever asks for one later gets its messages in their present state. */
  endExtending(): void {
    this.#isExtended = false;
    for (const seq of this.#parked.keys()) if (seq < this.first) this.#parked.delete(seq);
  }

  #change(message: Message): void {
    const index = message.seq - this.first;
    const known = this.#messages[index];
    if (known === undefined) {
      if (this.#isExtended) this.#park(message);
    } else if (isNotOlder(message, known) && !isSameState(message, known)) {
      this.#messages[index] = stored(message);
    }
  }

  #park(message: Message): void {
    const { seq } = message;
    const parked = this.#parked.get(seq);
    if (parked === undefined && this.#parked.size >= PARKED_MAX) return;
    if (parked === undefined || isNotOlder(message, parked)) this.#parked.set(seq, message);
  }

  /** The later state of a message and what was parked of it. */
  #latest(message: Message): Message {
    const parked = this.#parked.get(message.seq);
    this.#parked.delete(message.seq);
    return parked !== undefined && isNotOlder(parked, message) ? parked : message;
  }

  /** Appends what was parked and is next. */
  #unpark(): Message[] {
    const next: Message[] = [];
    for (;;) {
      const parked = this.#parked.get(this.last + 1);
      if (parked === undefined) return next;
      this.#parked.delete(parked.seq);
      this.#messages.push(stored(parked));
      next.push(parked);
    }
  }
}

function stored(message: Message): StoredMessage {
  for (const attachment of message.attachments) Object.freeze(attachment);
  Object.freeze(message.attachments);
  return Object.freeze({ ...message, state: 'sent' as const });
}
