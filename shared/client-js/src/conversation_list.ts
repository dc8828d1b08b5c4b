// What applications see of the list of conversations.

import type { MessagingError } from './error.js';
import type { Readable } from './store.js';
import type { Conversation } from './wire.js';

/** The conversations that are loaded, latest activity first. */
export interface ConversationListState {
  items: readonly Conversation[];
  isLoading: boolean;
  /** Whether there are older ones to load. */
  hasMore: boolean;
  /** Why the last load failed. */
  error: MessagingError | null;
  /** Of those that are loaded. */
  unreadTotal: number;
}

/** The list of conversations. Its methods may be passed on without it. */
export interface ConversationList extends Readable<ConversationListState> {
  /** The next page, or the first; nothing when there is none, and the same promise while one is being loaded. */
  readonly loadMore: () => Promise<void>;
  /** Asks for what is loaded anew. */
  readonly refresh: () => Promise<void>;
}
