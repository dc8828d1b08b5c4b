import { Connection } from './connection.js';
import type { ConversationHandle, SendOptions, UploadOptions } from './conversation.js';
import type { ConversationList } from './conversation_list.js';
import { Lifetime } from './lifetime.js';
import { LiveConversationList } from './list.js';
import type { ClientOptions, ConnectionState } from './options.js';
import { PresenceWatcher } from './presence.js';
import { Rest } from './rest.js';
import { retrying } from './retrying.js';
import { Router } from './router.js';
import { startConversation } from './start.js';
import type { Readable } from './store.js';
import { Summaries } from './summaries.js';
import { SummaryFetcher } from './summary_fetcher.js';
import { Threads } from './threads.js';
import { TokenRefresh } from './token_refresh.js';
import { Tokens } from './token.js';
import { upload } from './upload.js';
import type { Attachment, ClientEvents, Contract, Message, PresenceItem, ServerEvents } from './wire.js';

const REFRESH_BEFORE_MS = 60_000;
const CALL_TIMEOUT_MS = 10_000;

/** The longest download. */
const DOWNLOAD_MS_MAX = 15 * 60_000;

/** Contracts that are kept. */
const CONTRACTS_MAX = 1_000;

/** A user's connection to the messaging service, and all that he sees through it. */
export class MessagingClient {
  readonly connection: Readable<ConnectionState>;
  /** The conversations of the user, latest activity first, kept up to date by events. One object per client. */
  readonly conversations: ConversationList;

  readonly #lifetime = new Lifetime();
  readonly #tokens: Tokens;
  readonly #rest: Rest;
  readonly #connection: Connection;
  readonly #summaries: Summaries;
  readonly #threads: Threads;
  readonly #presence: PresenceWatcher;
  readonly #router: Router;
  readonly #contracts = new Map<string, Promise<Contract>>();

  constructor(options: ClientOptions) {
    const { token, refreshBeforeMs = REFRESH_BEFORE_MS, callTimeoutMs = CALL_TIMEOUT_MS, transports } = options;
    const url = options.url === undefined ? undefined : origin(options.url);
    const apiUrl = options.apiUrl === undefined ? url : origin(options.apiUrl);
    this.#tokens = new Tokens(token);
    this.#rest = new Rest(apiUrl ?? '', this.#tokens, callTimeoutMs);
    this.#connection = new Connection({ url, transports, callTimeoutMs }, this.#tokens);
    this.#summaries = new Summaries(this.#tokens);
    const fetcher = new SummaryFetcher(this.#rest, this.#summaries, this.#lifetime);
    const list = new LiveConversationList(this.#rest, this.#summaries, fetcher, this.#lifetime);
    this.#threads = new Threads({
      connection: this.#connection,
      rest: this.#rest,
      summaries: this.#summaries,
      tokens: this.#tokens,
      lifetime: this.#lifetime,
    });
    this.#presence = new PresenceWatcher(this.#connection);
    const parts = { summaries: this.#summaries, threads: this.#threads, presence: this.#presence, list, fetcher };
    this.#router = new Router(this.#connection, parts);
    new TokenRefresh(this.#tokens, this.#connection, refreshBeforeMs);
    this.connection = this.#connection.state;
    this.conversations = list;
  }

  /** The user of the last token (its `sub`); null before the first. */
  get userId(): string | null {
    return this.#tokens.userId;
  }

  /** Connects and stays so: resolves when connected, rejects when refused. Harmless when connected. */
  connect(): Promise<void> {
    return this.#connection.connect();
  }

  /** Ends the connection and all timers, for good. What waits rejects with `closed`. */
  close(): void {
    this.#connection.close();
    this.#lifetime.end();
    this.#threads.close();
    this.#presence.close();
    this.#router.close();
  }

  /** The same handle for the same id. */
  conversation(id: string): ConversationHandle {
    return this.#threads.get(id);
  }

  /**
   * Sends the first (or a further) message by contract; returns the conversation's handle, and the message.
   *
   * It is tried for a minute, under one `clientMessageId`; whoever tries again after that gives the same one.
   */
  async start(
    contractId: string,
    milestoneId: string | null,
    content: string,
    options: SendOptions = {},
  ): Promise<{ conversation: ConversationHandle; message: Message }> {
    const where = { contractId, milestoneId };
    const { conversation, message } = await startConversation(this.#connection, this.#lifetime, where, content, options);
    const thread = this.#threads.get(conversation.id);
    this.#summaries.told(conversation);
    thread.joinedUnasked();
    thread.take(message);
    return { conversation: thread, message };
  }

  /** Who is online; asked for once per user and then kept by events. Watching a user while somebody subscribes. */
  presence(userId: string): Readable<PresenceItem | null> {
    return this.#presence.user(userId);
  }

  /** A contract (its title, milestones), asked for once and kept. */
  contract(id: string): Promise<Contract> {
    const known = this.#contracts.get(id);
    if (known !== undefined) return known;
    const asked = retrying(this.#lifetime, () => this.#rest.json<Contract>(`/api/contracts/${encodeURIComponent(id)}`));
    asked.catch(() => this.#contracts.delete(id));
    const oldest = this.#contracts.keys().next();
    if (this.#contracts.size >= CONTRACTS_MAX && oldest.done !== true) this.#contracts.delete(oldest.value);
    this.#contracts.set(id, asked);
    return asked;
  }

  /** Uploads a file for a conversation that may not exist yet. */
  uploadFor(contractId: string, milestoneId: string | null, file: Blob, options?: UploadOptions): Promise<Attachment> {
    const fields = { contractId, ...(milestoneId === null ? {} : { milestoneId }) };
    return upload(this.#rest, '/api/messages/attachments', fields, file, options);
  }

  /** The bytes of an attachment, with the token (an `<img src>` cannot send one). */
  download(attachment: Attachment, { signal }: { signal?: AbortSignal } = {}): Promise<Blob> {
    return this.#rest.blob(attachment.url, { signal, timeoutMs: DOWNLOAD_MS_MAX });
  }

  /** A server event, typed; returns how to end it. Listeners are called after the client's own state has followed the event. */
  on<E extends keyof ServerEvents>(event: E, listener: (data: ServerEvents[E]) => void): () => void {
    return this.#router.on(event, listener);
  }

  /** Any client event, typed, by its acknowledgement; rejects with MessagingError. Nothing is tried again. */
  call<E extends keyof ClientEvents>(event: E, data: ClientEvents[E]['data']): Promise<ClientEvents[E]['ack']> {
    return this.#connection.call(event, data);
  }
}

/** An address without what follows the host, and without a slash at its end. */
function origin(url: string): string {
  return new URL(url, typeof location === 'undefined' ? undefined : location.href).origin;
}
