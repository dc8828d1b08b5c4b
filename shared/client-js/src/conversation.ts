// What applications see of one conversation.

import type { MessagingError } from './error.js';
import type { Readable } from './store.js';
import type { Attachment, Conversation, Message } from './wire.js';

/** What goes with the text of a message. */
export interface SendOptions {
  /** Files that were uploaded to this conversation. */
  attachments?: Attachment[];
  /** 1 to 64 characters of `[A-Za-z0-9_-]`; default: a random one. Sending the same one again sends nothing twice. */
  clientMessageId?: string;
}

/** How a file is uploaded. */
export interface UploadOptions {
  /** Default: the file's own name, or `file`. */
  filename?: string;
  /** Bytes sent and to be sent, of the whole request. Where there is no `XMLHttpRequest`: at the beginning and the end. */
  onProgress?: (sent: number, total: number) => void;
  /** Ends it: it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A message that the service has stored. */
export type StoredMessage = Message & { state: 'sent' };

/** A message of one's own that is not known to be stored. */
export interface UnsentMessage {
  state: 'sending' | 'failed';
  clientMessageId: string;
  senderId: string;
  content: string;
  attachments: Attachment[];
  /** When it was written, by the clock of this device. */
  createdAt: string;
  /** Why it failed, or why the last attempt did. */
  error: MessagingError | null;
}

/** A message as a thread shows it: stored (`sent`), or of one's own and not acked yet. */
export type ThreadMessage = StoredMessage | UnsentMessage;

/** A conversation as it is shown. */
export interface ThreadState {
  /** `loading` until the first page is there; `live` while joined; `offline` while the connection is lost (the list stays); `failed` with `error`. */
  status: 'idle' | 'loading' | 'live' | 'offline' | 'failed';
  conversation: Conversation | null;
  /** Ascending by `seq` without holes from the first one that is loaded; unacked ones at the end, in the order in which they were sent. */
  messages: readonly ThreadMessage[];
  hasEarlier: boolean;
  isLoadingEarlier: boolean;
  /** Users who are typing, never oneself. */
  typing: readonly string[];
  error: MessagingError | null;
}

/** One conversation. Its methods may be passed on without it. */
export interface ConversationHandle extends Readable<ThreadState> {
  readonly id: string;
  /** Joins and keeps joined until the returned function has been called as often as `open` was. */
  readonly open: () => () => void;
  /**
   * Shows it at once as `sending`, sends it until it is acked or refused for good (`failed`), across reconnects, always under one
   * `clientMessageId`, in order. At most 1,000 can wait or have failed; one more rejects with `limit_reached`.
   */
  readonly send: (content: string, options?: SendOptions) => Promise<Message>;
  /** Sends one that has failed again, after those that wait. */
  readonly retry: (clientMessageId: string) => Promise<Message>;
  /** Takes one that is not stored off the list; its promise rejects with `discarded`. One that is on its way may still be stored. */
  readonly discard: (clientMessageId: string) => void;
  readonly edit: (messageId: string, content: string) => Promise<Message>;
  readonly delete: (messageId: string) => Promise<Message>;
  /** Up to a seq, or all that is loaded; calls for less than what is marked do nothing. While offline it waits for the connection. */
  readonly markAsRead: (upToSeq?: number) => Promise<void>;
  /** To be called at each keystroke: sends `typing` at most every 3 s, and ends it 4 s after the last call, or by `stopTyping`, or with a sent message. */
  readonly typing: () => void;
  readonly stopTyping: () => void;
  /** The 50 messages before the first one; nothing when there are none. */
  readonly loadEarlier: () => Promise<void>;
  /** Messages that contain each word of `query` (1 to 100 characters), newest first; `limit` is 1 to 50, default 20. */
  readonly search: (query: string, limit?: number) => Promise<Message[]>;
  readonly upload: (file: Blob, options?: UploadOptions) => Promise<Attachment>;
}
