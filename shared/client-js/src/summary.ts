// How a conversation's summary follows from what is heard of it: pure rules. Each returns the summary that was given when nothing
// changes, and says whether the result is exact; if it is not, the service is to be asked.

import { isNotOlder, isSameState } from './version.js';
import type { Conversation, Message, MessageNotification, Participant, ReadReceipt } from './wire.js';

/** A summary, and whether it is what the service would answer as far as can be told. */
export interface Followed {
  summary: Conversation;
  isExact: boolean;
}

/** Two answers of the service about one conversation, which may have crossed with events. */
export function merged(known: Conversation, told: Conversation): Followed {
  const isHeadTold = told.lastSeq >= known.lastSeq;
  const [head, tail] = isHeadTold ? [told, known] : [known, told];
  let isExact = true;
  const participants = told.participants.map((said) => {
    const had = known.participants.find(({ userId }) => userId === said.userId) ?? said;
    const [ahead, behind] = isHeadTold ? [said, had] : [had, said];
    if (ahead.readSeq >= behind.readSeq) return ahead;
    const isAllRead = behind.readSeq >= head.lastSeq;
    isExact &&= isAllRead;
    return { ...behind, unreadCount: isAllRead ? 0 : Math.min(ahead.unreadCount, behind.unreadCount) };
  });
  const summary = {
    ...head,
    participants,
    lastMessage: head.lastSeq === tail.lastSeq ? newerOf(known.lastMessage, told.lastMessage) : head.lastMessage,
  };
  return { summary: isEqual(known, summary) ? known : summary, isExact };
}

/** A message came, or an earlier one is known to have come. */
export function withMessage(known: Conversation, message: Message): Followed {
  if (message.seq <= known.lastSeq) return { summary: withChange(known, message), isExact: true };
  const participants = known.participants.map((participant) => {
    const isUnread = participant.userId !== message.senderId && message.seq > participant.readSeq;
    return isUnread ? { ...participant, unreadCount: participant.unreadCount + 1 } : participant;
  });
  const summary = {
    ...known,
    participants,
    lastSeq: message.seq,
    lastMessage: message,
    updatedAt: message.createdAt,
  };
  return { summary, isExact: message.seq === known.lastSeq + 1 };
}

/** A message is now like this. */
export function withChange(known: Conversation, message: Message): Conversation {
  const last = known.lastMessage;
  if (last?.id !== message.id) return known;
  const lastMessage = newerOf(last, message);
  return lastMessage === last ? known : { ...known, lastMessage };
}

/** A message came of which only the beginning is told. What is shown of it until the service has answered is made up of that. */
export function withNotification(known: Conversation, told: MessageNotification, userId: string, now: string): Followed {
  if (told.seq <= known.lastSeq) return { summary: known, isExact: true };
  const lastMessage: Message = {
    id: told.messageId,
    conversationId: told.conversationId,
    contractId: told.contractId,
    milestoneId: told.milestoneId,
    seq: told.seq,
    senderId: told.senderId,
    content: told.preview,
    attachments: [],
    clientMessageId: null,
    createdAt: now,
    editedAt: null,
    deletedAt: null,
  };
  const participants = known.participants.map((participant) =>
    participant.userId === userId ? { ...participant, unreadCount: told.unreadCount } : participant,
  );
  return { summary: { ...known, participants, lastSeq: told.seq, lastMessage, updatedAt: now }, isExact: false };
}

/** Somebody has read on. What the receipt counts as unread may include messages that are not known here yet. */
export function withReceipt(known: Conversation, receipt: ReadReceipt): Followed {
  const reader = known.participants.find(({ userId }) => userId === receipt.userId);
  if (reader === undefined || receipt.readSeq <= reader.readSeq) return { summary: known, isExact: true };
  const isAllRead = receipt.readSeq >= known.lastSeq;
  const read: Participant = {
    ...reader,
    readSeq: receipt.readSeq,
    readAt: receipt.readAt,
    unreadCount: isAllRead ? 0 : receipt.unreadCount,
  };
  const participants = known.participants.map((participant) => (participant === reader ? read : participant));
  return { summary: { ...known, participants }, isExact: isAllRead };
}

/** The summary as a user sees it: what is unread is his. */
export function seenBy(summary: Conversation, userId: string | null): Conversation {
  const unreadCount = summary.participants.find((participant) => participant.userId === userId)?.unreadCount;
  return unreadCount === undefined || unreadCount === summary.unreadCount ? summary : { ...summary, unreadCount };
}

/** By latest activity, the latest first; of the same time by id, as the service orders them. */
export function byActivity(one: Conversation, other: Conversation): number {
  return compare(Date.parse(other.updatedAt), Date.parse(one.updatedAt)) || compare(other.id, one.id);
}

function compare<T extends number | string>(one: T, other: T): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function newerOf(known: Message | null, told: Message | null): Message | null {
  if (known === null || told === null) return told ?? known;
  if (!isNotOlder(told, known)) return known;
  // What was made up of a notification has no name of its sender's and a time that was guessed.
  const isSame = isSameState(told, known) && told.createdAt === known.createdAt && told.clientMessageId === known.clientMessageId;
  return isSame ? known : told;
}

function isEqual(one: Conversation, other: Conversation): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
