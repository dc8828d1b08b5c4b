import type { ConversationHandle, SendOptions, ThreadMessage, ThreadState, UploadOptions } from './conversation.js';
import { shown } from './deferred.js';
import { checkContent } from './draft.js';
import { MessagingError } from './error.js';
import type { Lifetime } from './lifetime.js';
import { MessageLog } from './message_log.js';
import { Outbox } from './outbox.js';
import { ReadMarker } from './read_marker.js';
import { pathOf } from './rest.js';
import { isRateLimited, retrying } from './retrying.js';
import { Derived } from './store.js';
import { PAGE_MESSAGES, ThreadSync } from './thread_sync.js';
import type { Service } from './thread_sync.js';
import type { Tokens } from './token.js';
import { TypingBoard, TypingSender } from './typing.js';
import { upload } from './upload.js';
import type { Attachment, HistoryPage, Message, SearchResults, UserTyping } from './wire.js';

/** Loaded messages that are kept of a thread that nobody has open. */
const KEPT_MESSAGES = 200;

/** What a thread needs of its client. */
export interface ThreadContext extends Service {
  tokens: Tokens;
  lifetime: Lifetime;
}

/** One conversation: what is loaded of its log, what is on its way into it, and who types, as one state. */
export class Thread implements ConversationHandle {
  readonly id: string;
  readonly #context: ThreadContext;
  readonly #log = new MessageLog();
  readonly #sync: ThreadSync;
  readonly #outbox: Outbox;
  readonly #marker: ReadMarker;
  readonly #typingSender: TypingSender;
  readonly #typingBoard: TypingBoard;
  readonly #state = new Derived<ThreadState>(() => this.#compose());
  #messages: readonly ThreadMessage[] | null = null;
  #earlier: Promise<void> | null = null;
  #earlierError: MessagingError | null = null;

  constructor(id: string, context: ThreadContext) {
    const { connection, summaries, tokens } = context;
    this.id = id;
    this.#context = context;
    const changed = (): void => {
      this.#messagesChanged();
    };
    this.#sync = new ThreadSync(id, this.#log, context, {
      changed,
      loaded: (messages) => {
        this.#loaded(messages);
      },
      left: () => {
        this.#left();
      },
    });
    this.#outbox = new Outbox(id, connection, tokens, { changed, sent: (message) => this.take(message) });
    this.#marker = new ReadMarker(id, connection, (receipt) => {
      summaries.read(receipt);
    });
    this.#typingBoard = new TypingBoard(() => {
      this.#state.changed();
    });
    this.#typingSender = new TypingSender((isTyping) => {
      // Nobody needs to know of a failure: typing lapses by itself.
      connection.call('typing', { conversationId: id, isTyping }).catch(() => undefined);
    });
  }

  readonly get = (): ThreadState => this.#state.get();

  readonly subscribe = (listener: () => void): (() => void) => this.#state.subscribe(listener);

  /** Whether new messages of the conversation are to be taken here. */
  get isFollowed(): boolean {
    return this.#sync.isFollowed;
  }

  readonly open = (): (() => void) => this.#sync.open();

  readonly send = (content: string, options?: SendOptions): Promise<Message> => {
    this.#typingSender.stop();
    return this.#outbox.send(content, options);
  };

  readonly retry = (clientMessageId: string): Promise<Message> => this.#outbox.retry(clientMessageId);

  readonly discard = (clientMessageId: string): void => {
    this.#outbox.discard(clientMessageId);
  };

  readonly edit = async (messageId: string, content: string): Promise<Message> => {
    // Of a message with attachments the text may be emptied: the service knows whether it has some.
    const invalid = checkContent(content, 1);
    if (invalid !== null) throw invalid;
    const place = { conversationId: this.id, messageId };
    return this.#changeBy(() => this.#context.connection.call('edit_message', { ...place, content }));
  };

  readonly delete = (messageId: string): Promise<Message> => {
    const place = { conversationId: this.id, messageId };
    return this.#changeBy(() => this.#context.connection.call('delete_message', place));
  };

  readonly markAsRead = (upToSeq: number = this.#log.last): Promise<void> => {
    const { summaries, tokens } = this.#context;
    const self = summaries.get(this.id)?.participants.find(({ userId }) => userId === tokens.userId);
    this.#marker.noteRead(self?.readSeq ?? 0);
    return shown(this.#marker.mark(upToSeq));
  };

  readonly typing = (): void => {
    if (this.#context.connection.isConnected) this.#typingSender.typed();
  };

  readonly stopTyping = (): void => {
    this.#typingSender.stop();
  };

  readonly loadEarlier = (): Promise<void> => {
    if (!this.#hasEarlier) return Promise.resolve();
    this.#earlier ??= shown(this.#loadEarlier());
    return this.#earlier;
  };

  readonly search = async (query: string, limit = 20): Promise<Message[]> => {
    const { rest, lifetime } = this.#context;
    const ask = (): Promise<SearchResults> => rest.json<SearchResults>(pathOf(this.id, '/search'), { query: { q: query, limit } });
    return (await retrying(lifetime, ask)).items;
  };

  readonly upload = (file: Blob, options?: UploadOptions): Promise<Attachment> =>
    upload(this.#context.rest, pathOf(this.id, '/attachments'), {}, file, options);

  /** A message came, as an event or an acknowledgement; returns whether it is shown as sent, or will not be shown. */
  take(message: Message): boolean {
    const isNext = this.#log.isStarted && message.seq === this.#log.last + 1;
    if (!this.isFollowed && !isNext) {
      this.#context.summaries.messageCame(message);
      return true;
    }
    this.#loaded(this.#log.accept(message));
    this.#sync.heard();
    return message.seq <= this.#log.last;
  }

  /** A message was edited or deleted. */
  takeChange(message: Message): void {
    if (this.isFollowed || message.seq <= this.#log.last) this.#loaded(this.#log.accept(message));
    this.#context.summaries.messageChanged(message);
  }

  takeTyping(told: UserTyping): void {
    if (this.isFollowed && told.userId !== this.#context.tokens.userId) this.#typingBoard.told(told);
  }

  /** The summary of the conversation changed. */
  summaryChanged(): void {
    this.#state.changed();
  }

  /** The service has joined the connection to it. */
  joinedUnasked(): void {
    this.#sync.joinedUnasked();
  }

  connectionIsUp(recovered: boolean): void {
    this.#sync.connected(recovered);
    this.#outbox.connected();
    this.#marker.connected();
  }

  connectionIsDown(): void {
    this.#sync.disconnected();
    this.#typingSender.forget();
    this.#typingBoard.clear();
  }

  close(): void {
    this.#sync.close();
    this.#outbox.close();
    this.#marker.close();
    this.#typingSender.forget();
    this.#typingBoard.clear();
    this.#state.changed();
  }

  get #hasEarlier(): boolean {
    return this.#log.isStarted && this.#log.first > 1;
  }

  #compose(): ThreadState {
    this.#messages ??= Object.freeze([...this.#log.messages, ...this.#outbox.shown()]);
    return {
      status: this.#status(),
      conversation: this.#context.summaries.get(this.id),
      messages: this.#messages,
      hasEarlier: this.#hasEarlier,
      isLoadingEarlier: this.#earlier !== null,
      typing: this.#typingBoard.users,
      error: this.#sync.error ?? this.#earlierError,
    };
  }

  #status(): ThreadState['status'] {
    if (!this.#sync.isOpen) return 'idle';
    if (this.#sync.error !== null) return 'failed';
    if (!this.#log.isStarted) return 'loading';
    if (this.#sync.isLive) return 'live';
    return this.#sync.isLost ? 'offline' : 'loading';
  }

  #messagesChanged(): void {
    this.#messages = null;
    this.#state.changed();
  }

  #loaded(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#context.summaries.messageCame(message);
      this.#outbox.seen(message);
      this.#typingBoard.ended(message.senderId);
    }
    this.#messagesChanged();
  }

  #left(): void {
    this.#outbox.dropStored();
    this.#typingBoard.clear();
    this.#log.dropBefore(this.#log.last - KEPT_MESSAGES + 1);
    this.#messagesChanged();
  }

  async #changeBy(call: () => Promise<{ message: Message }>): Promise<Message> {
    const { message } = await retrying(this.#context.lifetime, call, { isWorthIt: isRateLimited });
    this.takeChange(message);
    return message;
  }

  async #loadEarlier(): Promise<void> {
    const { rest, lifetime } = this.#context;
    const query = { before: this.#log.first, limit: PAGE_MESSAGES };
    this.#log.extend();
    this.#earlierError = null;
    this.#state.changed();
    try {
      const page = await retrying(lifetime, () => rest.json<HistoryPage>(pathOf(this.id, '/messages'), { query }));
      this.#log.prepend(page.items);
    } catch (thrown) {
      this.#earlierError = MessagingError.from(thrown);
      throw this.#earlierError;
    } finally {
      this.#log.endExtending();
      this.#earlier = null;
      this.#messagesChanged();
    }
  }
}
