import type { ConversationList, ConversationListState } from './conversation_list.js';
import { shown } from './deferred.js';
import { MessagingError } from './error.js';
import type { Lifetime } from './lifetime.js';
import type { Rest } from './rest.js';
import { retrying } from './retrying.js';
import { Derived } from './store.js';
import type { Summaries } from './summaries.js';
import { byActivity } from './summary.js';
import type { SummaryFetcher } from './summary_fetcher.js';
import type { Conversation, ConversationsPage } from './wire.js';

const PAGE_CONVERSATIONS = 20;
const LARGE_PAGE_CONVERSATIONS = 100;

/** Pages of a refresh. A list of more ends where the last of them does, and goes on from there by `loadMore`. */
const REFRESH_PAGES_MAX = 5;

/**
 * The list of conversations: all that are known and not older than the last one of the pages that were loaded.
 *
 * Nothing is loaded before somebody looks at it. From then on it follows the summaries.
 */
export class LiveConversationList implements ConversationList {
  readonly #rest: Rest;
  readonly #summaries: Summaries;
  readonly #fetcher: SummaryFetcher;
  readonly #lifetime: Lifetime;
  readonly #state = new Derived<ConversationListState>(() => this.#compose());
  /** Where the loaded pages end; null after the last page, undefined before the first. */
  #end: { last: Conversation; cursor: string } | null | undefined = undefined;
  #isWanted = false;
  #loading: Promise<void> | null = null;
  #refreshing: Promise<void> | null = null;
  #error: MessagingError | null = null;

  constructor(rest: Rest, summaries: Summaries, fetcher: SummaryFetcher, lifetime: Lifetime) {
    this.#rest = rest;
    this.#summaries = summaries;
    this.#fetcher = fetcher;
    this.#lifetime = lifetime;
    summaries.changed.add(() => {
      if (this.#isWanted) this.#state.changed();
    });
    summaries.doubted.add((id) => {
      if (this.#isWanted) this.#fetcher.want(id);
    });
  }

  readonly get = (): ConversationListState => this.#state.get();

  readonly subscribe = (listener: () => void): (() => void) => {
    const end = this.#state.subscribe(listener);
    if (!this.#isWanted) void this.loadMore();
    return end;
  };

  readonly loadMore = (): Promise<void> => {
    this.#isWanted = true;
    if (this.#end === null) return Promise.resolve();
    this.#loading ??= shown(
      this.#guarded(this.#loadNext()).finally(() => {
        this.#loading = null;
        this.#state.changed();
      }),
    );
    this.#state.changed();
    return this.#loading;
  };

  readonly refresh = (): Promise<void> => {
    if (this.#end === undefined) return this.loadMore();
    this.#refreshing ??= shown(
      this.#guarded(this.#loadAgain()).finally(() => {
        this.#refreshing = null;
        this.#state.changed();
      }),
    );
    this.#state.changed();
    return this.#refreshing;
  };

  /** The connection is there (again): events may have been missed. */
  connectionIsUp(): void {
    if (this.#isWanted) void this.refresh();
  }

  #compose(): ConversationListState {
    const items = this.#isWanted ? this.#listed() : [];
    return {
      items: Object.freeze(items),
      isLoading: this.#loading !== null || this.#refreshing !== null,
      hasMore: this.#end !== null,
      error: this.#error,
      unreadTotal: items.reduce((total, { unreadCount }) => total + unreadCount, 0),
    };
  }

  #listed(): Conversation[] {
    const end = this.#end;
    if (end === undefined) return [];
    const all = this.#summaries.all().sort(byActivity);
    return end === null ? all : all.filter((summary) => byActivity(summary, end.last) <= 0);
  }

  async #loadNext(): Promise<void> {
    const page = await this.#page(this.#end?.cursor ?? null, PAGE_CONVERSATIONS);
    this.#end = endOf(page);
  }

  /** Asks for all down to where the loaded pages end. */
  async #loadAgain(): Promise<void> {
    // A page that is being loaded would end somewhere else.
    await this.#loading?.catch(() => undefined);
    const { end } = { end: this.#end };
    let cursor: string | null = null;
    for (let pages = 0; pages < REFRESH_PAGES_MAX; pages += 1) {
      const page: ConversationsPage = await this.#page(cursor, LARGE_PAGE_CONVERSATIONS);
      const reached = endOf(page);
      if (reached === null) {
        this.#end = null;
        return;
      }
      if (end !== null && end !== undefined && byActivity(reached.last, end.last) >= 0) return;
      cursor = reached.cursor;
      if (pages === REFRESH_PAGES_MAX - 1) this.#end = reached;
    }
  }

  async #page(cursor: string | null, limit: number): Promise<ConversationsPage> {
    const ask = (): Promise<ConversationsPage> =>
      this.#rest.json<ConversationsPage>('/api/messages/conversations', { query: { limit, cursor } });
    const page = await retrying(this.#lifetime, ask);
    for (const conversation of page.items) this.#summaries.told(conversation);
    return page;
  }

  async #guarded(load: Promise<void>): Promise<void> {
    try {
      await load;
      this.#error = null;
    } catch (thrown) {
      this.#error = MessagingError.from(thrown);
      throw this.#error;
    }
  }
}

function endOf({ items, nextCursor }: ConversationsPage): { last: Conversation; cursor: string } | null {
  const last = items.at(-1);
  return nextCursor === null || last === undefined ? null : { last, cursor: nextCursor };
}
