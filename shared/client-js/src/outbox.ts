import { Alarm } from './alarm.js';
import { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import type { SendOptions, UnsentMessage } from './conversation.js';
import { deferred, shown } from './deferred.js';
import type { Deferred } from './deferred.js';
import { checkContent } from './draft.js';
import { MessagingError } from './error.js';
import { randomId } from './random_id.js';
import type { Tokens } from './token.js';
import type { Attachment, Message } from './wire.js';

/** Messages of one conversation that wait, or have failed and were neither sent again nor discarded. */
const ENTRIES_MAX = 1_000;

/** Waits between two attempts of one message. */
const WAIT_FIRST_MS = 250;
const WAIT_LAST_MS = 10_000;

/** What the outbox tells its owner. */
export interface OutboxOwner {
  /** What is to be shown of it changed. */
  changed: () => void;
  /** The service has stored a message; returns whether it is already shown, or will not be. */
  sent: (message: Message) => boolean;
}

interface Entry {
  readonly clientMessageId: string;
  readonly content: string;
  readonly attachments: readonly Attachment[];
  readonly createdAt: string;
  outcome: Deferred<Message>;
  /** `stored`: acknowledged, but its place in the thread is not reached yet. */
  state: 'waiting' | 'failed' | 'stored';
  error: MessagingError | null;
  shown: UnsentMessage | null;
}

/**
 * The messages of one conversation that are not known to be stored, sent one at a time in their order.
 *
 * A message is sent under the same `clientMessageId` until the service has answered for good: it stores it once, however often it
 * comes. Nothing is sent while there is no connection; after one was lost, the first goes out once it is back.
 */
export class Outbox {
  readonly #conversationId: string;
  readonly #connection: Connection;
  readonly #tokens: Tokens;
  readonly #owner: OutboxOwner;
  readonly #entries = new Map<string, Entry>();
  readonly #backoff = new Backoff(WAIT_FIRST_MS, WAIT_LAST_MS);
  readonly #wait = new Alarm(() => {
    this.#sendNext();
  });
  #inFlight: Entry | null = null;

  constructor(conversationId: string, connection: Connection, tokens: Tokens, owner: OutboxOwner) {
    this.#conversationId = conversationId;
    this.#connection = connection;
    this.#tokens = tokens;
    this.#owner = owner;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** What is to be shown after the thread, in order. */
  shown(): UnsentMessage[] {
    return [...this.#entries.values()].map((entry) => this.#show(entry));
  }

  send(content: string, { attachments = [], clientMessageId = randomId() }: SendOptions = {}): Promise<Message> {
    const there = this.#entries.get(clientMessageId);
    if (there !== undefined && there.state !== 'failed') return there.outcome.promise;
    if (there === undefined && this.#entries.size >= ENTRIES_MAX) {
      const message = `${String(ENTRIES_MAX)} messages of this conversation wait to be sent`;
      return Promise.reject(new MessagingError('limit_reached', message));
    }
    const entry: Entry = {
      clientMessageId,
      content,
      attachments: Object.freeze([...attachments]),
      createdAt: new Date().toISOString(),
      outcome: deferred(),
      state: 'waiting',
      error: null,
      shown: null,
    };
    return this.#enqueue(entry);
  }

  retry(clientMessageId: string): Promise<Message> {
    const entry = this.#entries.get(clientMessageId);
    if (entry === undefined) return Promise.reject(new MessagingError('not_found', 'no such message waits to be sent'));
    if (entry.state !== 'failed') return entry.outcome.promise;
    return this.#enqueue({ ...entry, outcome: deferred(), state: 'waiting', error: null, shown: null });
  }

  discard(clientMessageId: string): void {
    const entry = this.#entries.get(clientMessageId);
    if (entry === undefined || entry.state === 'stored') return;
    this.#remove(entry);
    entry.outcome.reject(new MessagingError('discarded', 'the message was discarded'));
    this.#sendNext();
  }

  /** A message of the thread, which is one of these if it has its name and is this user's. */
  seen(message: Message): void {
    if (message.clientMessageId === null || message.senderId !== this.#tokens.userId) return;
    const entry = this.#entries.get(message.clientMessageId);
    if (entry === undefined) return;
    this.#remove(entry);
    entry.outcome.resolve(message);
    this.#sendNext();
  }

  /** There is a connection again. */
  connected(): void {
    this.#backoff.reset();
    this.#wait.clear();
    this.#sendNext();
  }

  /** The thread is not kept up to date any more: what is stored will not come into it. */
  dropStored(): void {
    for (const entry of [...this.#entries.values()]) if (entry.state === 'stored') this.#remove(entry);
  }

  close(): void {
    this.#wait.clear();
    for (const entry of [...this.#entries.values()]) if (entry.state === 'waiting') this.#fail(entry, MessagingError.closed());
  }

  #enqueue(entry: Entry): Promise<Message> {
    // Behind those that wait, also when it is sent again.
    this.#entries.delete(entry.clientMessageId);
    this.#entries.set(entry.clientMessageId, entry);
    const invalid = checkContent(entry.content, entry.attachments.length);
    const { isClosed } = this.#connection;
    if (invalid !== null || isClosed) this.#fail(entry, invalid ?? MessagingError.closed());
    this.#owner.changed();
    this.#sendNext();
    return shown(entry.outcome.promise);
  }

  #sendNext(): void {
    if (this.#inFlight !== null || this.#wait.isSet || !this.#connection.isConnected) return;
    for (const entry of this.#entries.values()) {
      if (entry.state === 'waiting') {
        this.#inFlight = entry;
        void this.#attempt(entry);
        return;
      }
    }
  }

  async #attempt(entry: Entry): Promise<void> {
    try {
      const { message } = await this.#connection.call('send_message', {
        conversationId: this.#conversationId,
        content: entry.content,
        attachments: entry.attachments.map(({ id }) => ({ id })),
        clientMessageId: entry.clientMessageId,
      });
      this.#backoff.reset();
      this.#stored(entry, message);
    } catch (thrown) {
      this.#refused(entry, MessagingError.from(thrown));
    }
    this.#inFlight = null;
    this.#sendNext();
  }

  #stored(entry: Entry, message: Message): void {
    if (this.#isThere(entry)) entry.state = 'stored';
    const isDone = this.#owner.sent(message);
    if (isDone && this.#isThere(entry)) this.#remove(entry);
    entry.outcome.resolve(message);
  }

  #refused(entry: Entry, error: MessagingError): void {
    if (!this.#isThere(entry)) return;
    if (error.isRetryable) {
      entry.error = error;
      entry.shown = null;
      this.#owner.changed();
      this.#wait.set(this.#backoff.next(error.retryAfterMs));
    } else {
      this.#backoff.reset();
      this.#fail(entry, error);
    }
  }

  #fail(entry: Entry, error: MessagingError): void {
    entry.state = 'failed';
    entry.error = error;
    entry.shown = null;
    entry.outcome.reject(error);
    this.#owner.changed();
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.clientMessageId);
    this.#owner.changed();
  }

  #isThere(entry: Entry): boolean {
    return this.#entries.get(entry.clientMessageId) === entry;
  }

  #show(entry: Entry): UnsentMessage {
    const senderId = this.#tokens.userId ?? '';
    if (entry.shown?.senderId === senderId) return entry.shown;
    entry.shown = Object.freeze({
      state: entry.state === 'failed' ? 'failed' : 'sending',
      clientMessageId: entry.clientMessageId,
      senderId,
      content: entry.content,
      attachments: entry.attachments as Attachment[],
      createdAt: entry.createdAt,
      error: entry.error,
    });
    return entry.shown;
  }
}
