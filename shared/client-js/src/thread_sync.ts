import { Alarm } from './alarm.js';
import { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import { MessagingError } from './error.js';
import type { MessageLog } from './message_log.js';
import { pathOf } from './rest.js';
import type { Rest } from './rest.js';
import type { Summaries } from './summaries.js';
import type { Conversation, HistoryPage, Message } from './wire.js';

/** Messages of the first page, and of those before it. */
export const PAGE_MESSAGES = 50;

/** Messages of a page that fills a gap or is compared with what is loaded. */
const LARGE_PAGE_MESSAGES = 100;

/** A gap of more is not filled: the thread begins anew with the newest page. */
const GAP_MESSAGES_MAX = 5_000;

/** Loaded messages that are compared with the log after a reconnect; those before them are dropped, to be loaded again. */
const COMPARED_MESSAGES_MAX = 2_000;

/** An acknowledgement may overtake the events before it: what is missing is asked for when it has not come after this time. */
const GAP_MS = 500;

/** A component that goes and comes back at once, as in React's strict mode, does not leave and join. */
const LINGER_MS = 100;

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 10_000;

/** What keeping a thread in step tells its owner. */
export interface SyncOwner {
  /** These are loaded now. */
  loaded: (messages: readonly Message[]) => void;
  /** Its state, or the state of a message, changed. */
  changed: () => void;
  /** Nobody has it open any more, and what comes is not heard. */
  left: () => void;
}

/** What a thread talks to. */
export interface Service {
  connection: Connection;
  rest: Rest;
  summaries: Summaries;
}

/**
 * Keeps the loaded part of one conversation in step with the service's log while somebody has it open.
 *
 * What is to be done follows from the state (joined or not, a first page or none, behind or not), one thing at a time, until nothing
 * is left. Whatever fails in a way that may pass is done again after a while; what is refused for good ends it until it is opened
 * again or a new connection comes.
 */
export class ThreadSync {
  readonly #id: string;
  readonly #log: MessageLog;
  readonly #service: Service;
  readonly #owner: SyncOwner;
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_LAST_MS);
  readonly #wait = new Alarm(() => void this.#run());
  readonly #linger = new Alarm(() => void this.#run());
  readonly #gap = new Alarm(() => void this.#run());
  #openCount = 0;
  #isJoined = false;
  /** What is loaded may have been changed unheard. */
  #isUnsure = false;
  #isRunning = false;
  #wasLost = false;
  #error: MessagingError | null = null;

  constructor(id: string, log: MessageLog, service: Service, owner: SyncOwner) {
    this.#id = id;
    this.#log = log;
    this.#service = service;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#openCount > 0;
  }

  /** Whether what comes is taken into the log: it is open, or was until a moment ago. */
  get isFollowed(): boolean {
    return this.isOpen || this.#linger.isSet;
  }

  get error(): MessagingError | null {
    return this.#error;
  }

  /** Whether the connection was lost while it was joined, and it has not joined again. */
  get isLost(): boolean {
    return this.#wasLost || !this.#service.connection.isConnected;
  }

  /** Whether all that the log holds is loaded from the first page on, and what comes next is heard. */
  get isLive(): boolean {
    return this.#isJoined && this.#log.isStarted && this.#service.connection.isConnected;
  }

  /** Somebody looks at it; returns how he ends that. */
  open(): () => void {
    if (!this.isFollowed && this.#log.isStarted) this.#isUnsure = true;
    this.#openCount += 1;
    this.#linger.clear();
    if (this.#openCount === 1) this.#startAnew();
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#openCount -= 1;
      if (this.#openCount === 0) this.#linger.set(LINGER_MS);
      this.#owner.changed();
    };
  }

  /** The service has joined this connection to it, without being asked. */
  joinedUnasked(): void {
    this.#isJoined = true;
    if (!this.isFollowed) this.#linger.set(LINGER_MS);
  }

  /** The connection is there (again). */
  connected(recovered: boolean): void {
    // What was missed of messages comes by itself then; their changes and read marks do not.
    if (recovered && this.#isJoined) this.#wasLost = false;
    else this.#isJoined = false;
    this.#isUnsure = this.#log.isStarted;
    this.#startAnew();
  }

  disconnected(): void {
    this.#wasLost = this.isOpen;
    this.#wait.clear();
    this.#gap.clear();
    this.#owner.changed();
  }

  /** A message was taken; if something before it is missing, it is waited for, and then asked for. */
  heard(): void {
    if (this.#log.isBehind && !this.#gap.isSet && !this.#isRunning) this.#gap.set(GAP_MS);
  }

  close(): void {
    this.#wait.clear();
    this.#gap.clear();
    this.#linger.clear();
    this.#openCount = 0;
    this.#isJoined = false;
  }

  #startAnew(): void {
    this.#error = null;
    this.#backoff.reset();
    this.#wait.clear();
    this.#owner.changed();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let step = this.#nextStep(); step !== null; step = this.#nextStep()) {
        await step();
        this.#backoff.reset();
        this.#owner.changed();
      }
    } catch (thrown) {
      this.#failed(MessagingError.from(thrown));
    }
    this.#isRunning = false;
    // What came while the last step failed or ended is not lost: a wait is set, or nothing is to be done.
    if (!this.#wait.isSet && this.#error === null && this.#nextStep() !== null) this.#wait.set(0);
  }

  #nextStep(): (() => Promise<void>) | null {
    if (!this.#service.connection.isConnected || this.#error !== null || this.#wait.isSet) return null;
    if (!this.isFollowed) return this.#isJoined ? () => this.#leave() : null;
    if (!this.#isJoined) return () => this.#join();
    if (!this.#log.isStarted) return () => this.#loadFirstPage();
    if (this.#log.isBehind && !this.#gap.isSet) return () => this.#fillGap();
    if (this.#isUnsure) return () => this.#compare();
    return null;
  }

  #failed(error: MessagingError): void {
    if (this.#service.connection.isClosed) return;
    // A fault of the service may pass, and what is shown must not stay incomplete because of one.
    if (error.isRetryable || error.code === 'internal') {
      if (this.#service.connection.isConnected) this.#wait.set(this.#backoff.next(error.retryAfterMs));
    } else {
      this.#error = error;
    }
    this.#owner.changed();
  }

  async #join(): Promise<void> {
    const conversationId = this.#id;
    const place = this.#log.isStarted ? { afterSeq: this.#log.last } : {};
    const { conversation } = await this.#service.connection.call('join_conversation', { conversationId, ...place });
    this.#isJoined = true;
    this.#wasLost = false;
    this.#gap.clear();
    this.#log.heardOf(conversation.lastSeq);
    this.#service.summaries.told(conversation);
  }

  async #leave(): Promise<void> {
    try {
      await this.#service.connection.call('leave_conversation', { conversationId: this.#id });
    } catch (thrown) {
      if (MessagingError.from(thrown).isRetryable) throw thrown;
    }
    this.#isJoined = false;
    this.#wasLost = false;
    if (!this.isFollowed) this.#owner.left();
  }

  async #loadFirstPage(): Promise<void> {
    const page = await this.#page({ limit: PAGE_MESSAGES });
    this.#isUnsure = false;
    this.#owner.loaded(this.#log.start(page.items));
  }

  async #fillGap(): Promise<void> {
    if (this.#log.lastHeard - this.#log.last > GAP_MESSAGES_MAX) {
      await this.#loadFirstPage();
      return;
    }
    const { last } = this.#log;
    const page = await this.#page({ after: last, limit: LARGE_PAGE_MESSAGES });
    for (const message of page.items) this.#owner.loaded(this.#log.accept(message));
    if (this.#log.last === last) throw MessagingError.unavailable('the log does not show yet what was heard of');
  }

  /** Takes the present state of what is loaded, from its end to its beginning, and of the conversation. */
  async #compare(): Promise<void> {
    this.#service.summaries.told(await this.#service.rest.json<Conversation>(pathOf(this.#id)));
    this.#isUnsure = false;
    let before = this.#log.last + 1;
    const lowest = before - COMPARED_MESSAGES_MAX;
    try {
      while (before > this.#log.first && before > lowest) {
        const page = await this.#page({ before, limit: LARGE_PAGE_MESSAGES });
        for (const message of page.items) this.#log.accept(message);
        before = page.items[0]?.seq ?? 1;
      }
    } catch (error) {
      this.#isUnsure = true;
      throw error;
    }
    this.#log.dropBefore(before);
  }

  #page(query: Record<string, number>): Promise<HistoryPage> {
    return this.#service.rest.json<HistoryPage>(pathOf(this.#id, '/messages'), { query });
  }
}
