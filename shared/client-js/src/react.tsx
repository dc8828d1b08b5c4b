import { createContext, useCallback, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { ReactElement, ReactNode } from 'react';

import type { MessagingClient } from './client.js';
import type { ConversationHandle, ThreadState } from './conversation.js';
import type { ConversationList, ConversationListState } from './conversation_list.js';
import type { ConnectionState } from './options.js';
import type { Readable } from './store.js';
import type { PresenceItem } from './wire.js';

const ClientContext = createContext<MessagingClient | null>(null);

/** Gives a client to the components below. It neither connects nor closes it: that is its maker's to do. */
export function MessagingProvider(props: { client: MessagingClient; children?: ReactNode }): ReactElement {
  return <ClientContext.Provider value={props.client}>{props.children}</ClientContext.Provider>;
}

/** The client of the nearest `MessagingProvider`; throws where there is none. */
export function useMessaging(): MessagingClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error('a component that uses messaging must be below a MessagingProvider');
  return client;
}

function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.get, readable.get);
}

/** Whether the client is connected. */
export function useConnection(): ConnectionState {
  return useReadable(useMessaging().connection);
}

/** What `useConversations` returns. */
export type ConversationsView = ConversationListState & Pick<ConversationList, 'loadMore' | 'refresh'>;

/** The list of conversations; the first page is loaded when it is first used. */
export function useConversations(): ConversationsView {
  const list = useMessaging().conversations;
  const state = useReadable(list);
  return useMemo(() => ({ ...state, loadMore: list.loadMore, refresh: list.refresh }), [state, list]);
}

type ThreadMethods = Pick<
  ConversationHandle,
  'send' | 'retry' | 'discard' | 'edit' | 'delete' | 'markAsRead' | 'loadEarlier' | 'search' | 'upload'
>;

/** What `useConversation` returns. */
export type ConversationView = ThreadState & ThreadMethods;

function methods(handle: ConversationHandle): ThreadMethods {
  return {
    send: handle.send,
    retry: handle.retry,
    discard: handle.discard,
    edit: handle.edit,
    delete: handle.delete,
    markAsRead: handle.markAsRead,
    loadEarlier: handle.loadEarlier,
    search: handle.search,
    upload: handle.upload,
  };
}

/** A conversation, joined while the component is mounted. Its functions stay the same as long as the id does. */
export function useConversation(id: string): ConversationView {
  const client = useMessaging();
  const handle = useMemo(() => client.conversation(id), [client, id]);
  const state = useReadable(handle);
  useEffect(() => handle.open(), [handle]);
  return useMemo(() => ({ ...state, ...methods(handle) }), [state, handle]);
}

/** What `useTyping` returns. */
export interface TypingView {
  /** Users who are typing, never oneself. */
  typing: readonly string[];
  /** To be called at each keystroke. */
  onInput: () => void;
  stop: () => void;
}

/** Who is typing in a conversation, and how to tell of oneself. One's own typing ends when the component goes. */
export function useTyping(id: string): TypingView {
  const client = useMessaging();
  const handle = useMemo(() => client.conversation(id), [client, id]);
  const getTyping = useCallback(() => handle.get().typing, [handle]);
  const typing = useSyncExternalStore(handle.subscribe, getTyping, getTyping);
  useEffect(() => handle.stopTyping, [handle]);
  return useMemo(() => ({ typing, onInput: handle.typing, stop: handle.stopTyping }), [typing, handle]);
}

/** Who is online, of these; users of whom nothing is known (yet) are left out. The same map until something changed. */
export function usePresence(userIds: string | readonly string[]): ReadonlyMap<string, PresenceItem> {
  const client = useMessaging();
  const key = typeof userIds === 'string' ? userIds : [...new Set(userIds)].sort().join('\n');
  const watched = useMemo(() => watchAll(client, key === '' ? [] : key.split('\n')), [client, key]);
  return useReadable(watched);
}

function watchAll(client: MessagingClient, userIds: string[]): Readable<ReadonlyMap<string, PresenceItem>> {
  const users = userIds.map((userId) => client.presence(userId));
  let seen: (PresenceItem | null)[] = [];
  let present: ReadonlyMap<string, PresenceItem> = new Map();
  const get = (): ReadonlyMap<string, PresenceItem> => {
    const items = users.map((user) => user.get());
    if (items.some((item, index) => item !== (seen[index] ?? null))) {
      seen = items;
      present = new Map(items.filter((item) => item !== null).map((item) => [item.userId, item]));
    }
    return present;
  };
  const subscribe = (listener: () => void): (() => void) => {
    const ends = users.map((user) => user.subscribe(listener));
    return () => {
      for (const end of ends) end();
    };
  };
  return { get, subscribe };
}
