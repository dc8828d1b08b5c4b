import type { Connection } from './connection.js';
import type { LiveConversationList } from './list.js';
import type { PresenceWatcher } from './presence.js';
import { Listeners } from './store.js';
import type { Summaries } from './summaries.js';
import type { SummaryFetcher } from './summary_fetcher.js';
import type { Threads } from './threads.js';
import type { Message, ServerEvents } from './wire.js';

/** What follows the events of a connection. */
export interface Parts {
  summaries: Summaries;
  threads: Threads;
  presence: PresenceWatcher;
  list: LiveConversationList;
  fetcher: SummaryFetcher;
}

type Handlers = { [E in keyof ServerEvents]?: (data: ServerEvents[E]) => void };

/** Brings each event to the parts that it concerns, and then to the application's listeners. */
export class Router {
  readonly #parts: Parts;
  readonly #listeners = new Map<string, Listeners<[data: never]>>();
  readonly #handlers: Handlers;

  constructor(connection: Connection, parts: Parts) {
    this.#parts = parts;
    const { summaries, threads, presence, list, fetcher } = parts;
    const changed = (message: Message): void => {
      this.#changed(message);
    };
    this.#handlers = {
      new_message: (message) => {
        this.#came(message);
      },
      message_updated: changed,
      message_deleted: changed,
      message_notification: (notification) => {
        summaries.notified(notification);
      },
      user_typing: (told) => threads.known(told.conversationId)?.takeTyping(told),
      messages_read: (receipt) => {
        summaries.read(receipt);
      },
      user_presence: (item) => {
        presence.told(item);
      },
    };
    summaries.changed.add((id) => threads.known(id)?.summaryChanged());
    summaries.doubted.add((id) => {
      if (threads.known(id)?.isFollowed === true) fetcher.want(id);
    });
    connection.events.add((event, data) => {
      this.#route(event, data);
    });
    connection.up.add((recovered) => {
      for (const thread of threads.all()) thread.connectionIsUp(recovered);
      list.connectionIsUp();
      presence.connectionIsUp();
    });
    connection.down.add(() => {
      for (const thread of threads.all()) thread.connectionIsDown();
    });
  }

  on<E extends keyof ServerEvents>(event: E, listener: (data: ServerEvents[E]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Listeners<[data: never]>();
    this.#listeners.set(event, listeners);
    return listeners.add(listener);
  }

  close(): void {
    this.#listeners.clear();
  }

  #route(event: string, data: unknown): void {
    // Each handler takes the data of its own event, which the compiler cannot follow through the name.
    const handle = (this.#handlers as Record<string, ((data: unknown) => void) | undefined>)[event];
    handle?.(data);
    this.#listeners.get(event)?.call(data as never);
  }

  #came(message: Message): void {
    const thread = this.#parts.threads.known(message.conversationId);
    if (thread === undefined) this.#parts.summaries.messageCame(message);
    else thread.take(message);
  }

  #changed(message: Message): void {
    const thread = this.#parts.threads.known(message.conversationId);
    if (thread === undefined) this.#parts.summaries.messageChanged(message);
    else thread.takeChange(message);
  }
}
