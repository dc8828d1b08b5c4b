import { Listeners } from './store.js';
import { merged, seenBy, withChange, withMessage, withNotification, withReceipt } from './summary.js';
import type { Followed } from './summary.js';
import type { Tokens } from './token.js';
import type { Conversation, Message, MessageNotification, ReadReceipt } from './wire.js';

/** What is known of the user's conversations, each once: the list and the threads show the same. */
export class Summaries {
  readonly #tokens: Tokens;
  readonly #known = new Map<string, Conversation>();
  /** The summary of a conversation changed. */
  readonly changed = new Listeners<[id: string]>();
  /** What is known of a conversation is not exact, or nothing is: the service is to be asked. */
  readonly doubted = new Listeners<[id: string]>();

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  get(id: string): Conversation | null {
    return this.#known.get(id) ?? null;
  }

  all(): Conversation[] {
    return [...this.#known.values()];
  }

  /** The service answered this. */
  told(conversation: Conversation): void {
    const known = this.#known.get(conversation.id);
    if (known === undefined) this.#set({ summary: conversation, isExact: true });
    else this.#set(merged(known, conversation), known);
  }

  messageCame(message: Message): void {
    this.#follow(message.conversationId, (known) => withMessage(known, message));
  }

  messageChanged(message: Message): void {
    const known = this.#known.get(message.conversationId);
    if (known !== undefined) this.#set({ summary: withChange(known, message), isExact: true }, known);
  }

  notified(notification: MessageNotification): void {
    const { userId } = this.#tokens;
    this.#follow(notification.conversationId, (known) => withNotification(known, notification, userId ?? '', this.#latestTime()));
  }

  read(receipt: ReadReceipt): void {
    const known = this.#known.get(receipt.conversationId);
    if (known !== undefined) this.#set(withReceipt(known, receipt), known);
  }

  /** The present time, as far as it is known: no activity that is known is later. */
  #latestTime(): string {
    let latest = new Date(this.#tokens.serverNowMs).toISOString();
    for (const { updatedAt } of this.#known.values()) if (updatedAt > latest) latest = updatedAt;
    return latest;
  }

  #follow(id: string, rule: (known: Conversation) => Followed): void {
    const known = this.#known.get(id);
    if (known === undefined) this.doubted.call(id);
    else this.#set(rule(known), known);
  }

  #set({ summary, isExact }: Followed, known?: Conversation): void {
    const { id } = summary;
    if (summary !== known) {
      this.#known.set(id, deepFrozen(seenBy(summary, this.#tokens.userId)));
      this.changed.call(id);
    }
    if (!isExact) this.doubted.call(id);
  }
}

function deepFrozen(summary: Conversation): Conversation {
  for (const participant of summary.participants) Object.freeze(participant);
  Object.freeze(summary.participants);
  Object.freeze(summary.lastMessage);
  return Object.freeze(summary);
}
