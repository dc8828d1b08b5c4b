import { Alarm } from './alarm.js';
import { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import { deferred } from './deferred.js';
import type { Deferred } from './deferred.js';
import { MessagingError } from './error.js';
import type { ReadReceipt } from './wire.js';

/** Between two marks: scrolling asks for many. */
const INTERVAL_MS = 250;

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 10_000;

/** A mark that is asked for, and whoever waits for it. */
interface Wanted extends Deferred<void> {
  upToSeq: number;
}

/** Marks one conversation as read: the furthest that was asked for, one call at a time. */
export class ReadMarker {
  readonly #conversationId: string;
  readonly #connection: Connection;
  readonly #read: (receipt: ReadReceipt) => void;
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_LAST_MS);
  readonly #pause = new Alarm(() => {
    void this.#markNext();
  });
  #markedSeq = 0;
  #wanted: Wanted | null = null;
  #isMarking = false;

  constructor(conversationId: string, connection: Connection, read: (receipt: ReadReceipt) => void) {
    this.#conversationId = conversationId;
    this.#connection = connection;
    this.#read = read;
  }

  /** So far it is known to be read. */
  noteRead(readSeq: number): void {
    this.#markedSeq = Math.max(this.#markedSeq, readSeq);
  }

  /** Resolves when it is read so far. All who ask before the next call goes out get one promise. */
  mark(upToSeq: number): Promise<void> {
    if (this.#connection.isClosed) return Promise.reject(MessagingError.closed());
    if (upToSeq <= this.#markedSeq) return Promise.resolve();
    const made: Deferred<void> = deferred();
    this.#wanted ??= { ...made, upToSeq };
    this.#wanted.upToSeq = Math.max(this.#wanted.upToSeq, upToSeq);
    const { promise } = this.#wanted;
    void this.#markNext();
    return promise;
  }

  connected(): void {
    this.#backoff.reset();
    this.#pause.clear();
    void this.#markNext();
  }

  close(): void {
    this.#pause.clear();
    this.#wanted?.reject(MessagingError.closed());
    this.#wanted = null;
  }

  async #markNext(): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null || this.#isMarking || this.#pause.isSet || !this.#connection.isConnected) return;
    this.#wanted = null;
    if (wanted.upToSeq <= this.#markedSeq) {
      wanted.resolve();
      return;
    }
    this.#isMarking = true;
    try {
      const asked = { conversationId: this.#conversationId, upToSeq: wanted.upToSeq };
      const receipt = await this.#connection.call('mark_as_read', asked);
      // A mark beyond the last message is taken for one of the last message.
      this.noteRead(receipt.readSeq);
      this.#read(receipt);
      this.#backoff.reset();
      this.#pause.set(INTERVAL_MS);
      wanted.resolve();
    } catch (thrown) {
      this.#failed(wanted, MessagingError.from(thrown));
    }
    this.#isMarking = false;
    void this.#markNext();
  }

  #failed(wanted: Wanted, error: MessagingError): void {
    if (!error.isRetryable) {
      wanted.reject(error);
      return;
    }
    this.#pause.set(this.#backoff.next(error.retryAfterMs));
    const later = this.#wanted;
    this.#wanted = wanted;
    if (later === null) return;
    wanted.upToSeq = Math.max(wanted.upToSeq, later.upToSeq);
    wanted.promise.then(later.resolve, later.reject);
  }
}
