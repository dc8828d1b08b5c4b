import type { ConversationHandle, SendOptions, UploadOptions } from './conversation.js';
import type { ConversationList } from './conversation_list.js';
import type { ClientOptions, ConnectionState } from './options.js';
import type { Readable } from './store.js';
import type { Attachment, ClientEvents, Contract, Message, PresenceItem, ServerEvents } from './wire.js';

/** A user's connection to the messaging service, and all that he sees through it. */
export declare class MessagingClient {
  constructor(options: ClientOptions);
  readonly connection: Readable<ConnectionState>;
  /** The user of the last token (its `sub`); null before the first. */
  get userId(): string | null;
  /** Connects and stays so: resolves when connected, rejects when refused. Harmless when connected. */
  connect(): Promise<void>;
  /** Ends the connection and all timers. */
  close(): void;
  /** The conversations of the user, latest activity first, kept up to date by events. One object per client. */
  readonly conversations: ConversationList;
  /** The same handle for the same id. */
  conversation(id: string): ConversationHandle;
  /** Sends the first (or a further) message by contract; returns the conversation's handle, and the message. */
  start(
    contractId: string,
    milestoneId: string | null,
    content: string,
    options?: SendOptions,
  ): Promise<{ conversation: ConversationHandle; message: Message }>;
  /** Who is online; asked for once per user and then kept by events. Watching a user while somebody subscribes. */
  presence(userId: string): Readable<PresenceItem | null>;
  /** A contract (its title, milestones), asked for once and kept. */
  contract(id: string): Promise<Contract>;
  /** Uploads a file for a conversation that may not exist yet. */
  uploadFor(contractId: string, milestoneId: string | null, file: Blob, options?: UploadOptions): Promise<Attachment>;
  /** The bytes of an attachment, with the token (an `<img src>` cannot send one). */
  download(attachment: Attachment, options?: { signal?: AbortSignal }): Promise<Blob>;
  /** A server event, typed; returns how to end it. */
  on<E extends keyof ServerEvents>(event: E, listener: (data: ServerEvents[E]) => void): () => void;
  /** Any client event, typed, by its acknowledgement; rejects with MessagingError. */
  call<E extends keyof ClientEvents>(event: E, data: ClientEvents[E]['data']): Promise<ClientEvents[E]['ack']>;
}
