// What goes over the wire, as docs/contract.md has it. A test holds these types against the service's OpenAPI document and the
// golden files of its wire crate.

import type { ErrorCode } from './error.js';

/** An uploaded file. */
export interface Attachment {
  /** 24 lower-case hexadecimal digits. */
  id: string;
  filename: string;
  contentType: string;
  /** In bytes. */
  size: number;
  /** SHA-256 of its bytes, 64 hexadecimal digits. */
  sha256: string;
  /** The path to download it from, below the origin of the API. */
  url: string;
}

/** A file, by the id its upload gave. */
export interface AttachmentRef {
  id: string;
}

/** A message as the service stores it. Times are RFC 3339 in UTC with milliseconds. */
export interface Message {
  id: string;
  conversationId: string;
  contractId: string;
  milestoneId: string | null;
  /** Its place in the conversation: 1, 2, 3 … without gaps or repeats. */
  seq: number;
  senderId: string;
  /** Empty once it is deleted. */
  content: string;
  /** At most 10; none once it is deleted. */
  attachments: Attachment[];
  /** The name its sender gave it. */
  clientMessageId: string | null;
  createdAt: string;
  editedAt: string | null;
  deletedAt: string | null;
}

/** A side of a contract. */
export type Role = 'client' | 'freelancer';

/** One of the two users of a conversation, and how far he has read. */
export interface Participant {
  userId: string;
  role: Role;
  /** The last `seq` he has read. */
  readSeq: number;
  /** Messages of the other participant after `readSeq`. */
  unreadCount: number;
  /** When `readSeq` last grew. */
  readAt: string | null;
}

/** A conversation as the caller, one of its participants, sees it. */
export interface Conversation {
  id: string;
  contractId: string;
  milestoneId: string | null;
  /** The two participants, the client first. */
  participants: Participant[];
  lastSeq: number;
  lastMessage: Message | null;
  /** What the caller has not read. */
  unreadCount: number;
  createdAt: string;
  /** When the last message came. */
  updatedAt: string;
}

/** A milestone of a contract. */
export interface Milestone {
  id: string;
  title: string | null;
}

/** A contract between a client and a freelancer. */
export interface Contract {
  id: string;
  clientId: string;
  freelancerId: string;
  title: string | null;
  milestones: Milestone[];
  createdAt: string;
  updatedAt: string;
}

/** Whether a user is connected. */
export type PresenceStatus = 'online' | 'offline';

/** The presence of one user. */
export interface PresenceItem {
  userId: string;
  status: PresenceStatus;
  /** When his last connection closed; null while online, or if never seen. */
  lastSeenAt: string | null;
}

/** How far a user has read a conversation. */
export interface ReadReceipt {
  conversationId: string;
  userId: string;
  readSeq: number;
  unreadCount: number;
  readAt: string | null;
}

/** One page of the list of conversations. */
export interface ConversationsPage {
  items: Conversation[];
  /** What to pass as `cursor` for the next page; null after the last. */
  nextCursor: string | null;
}

/** One page of a conversation's messages, by ascending `seq`. */
export interface HistoryPage {
  items: Message[];
  hasMore: boolean;
}

/** Messages found, newest first. */
export interface SearchResults {
  items: Message[];
}

/** Who is online, of those who were asked about and share a contract with the caller. */
export interface PresenceList {
  items: PresenceItem[];
}

/** What is wrong with one field of a request. */
export interface FieldError {
  /** The path of the field, such as `attachments[0].id`. */
  field: string;
  message: string;
}

/** An error of a REST call: `application/problem+json`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  errors?: FieldError[];
}

/** The error in a refused acknowledgement. */
export interface Fault {
  code: ErrorCode;
  message: string;
  errors?: FieldError[];
}

/** The first event of a connection. */
export interface Connected {
  userId: string;
  connectionId: string;
  serverTime: string;
}

/** A message in a conversation that the connection has not joined. */
export interface MessageNotification {
  conversationId: string;
  contractId: string;
  milestoneId: string | null;
  messageId: string;
  seq: number;
  senderId: string;
  /** The first 140 Unicode scalar values of its text. */
  preview: string;
  /** What the notified user has not read in this conversation, this message included. */
  unreadCount: number;
}

/** Somebody types, or stopped. */
export interface UserTyping {
  conversationId: string;
  userId: string;
  isTyping: boolean;
}

/** The connection will be closed soon; it comes back by itself. */
export interface ServerDraining {
  reconnectInMs: number;
}

/** An event that was sent without asking for an acknowledgement was refused. */
export interface Exception extends Fault {
  /** The event; null if it could not be read. */
  event: string | null;
}

/** What the service sends. */
export interface ServerEvents {
  connected: Connected;
  new_message: Message;
  message_notification: MessageNotification;
  message_updated: Message;
  message_deleted: Message;
  user_typing: UserTyping;
  messages_read: ReadReceipt;
  user_presence: PresenceItem;
  token_expired: Record<string, never>;
  server_draining: ServerDraining;
  exception: Exception;
}

/** A message to be sent, wherever to. */
export interface Draft {
  /** 1 to 10,000 Unicode scalar values once trimmed; may be left out next to an attachment. */
  content?: string | null;
  attachments?: AttachmentRef[] | null;
  /** 1 to 64 characters of `[A-Za-z0-9_-]`; the same one again stores nothing twice. */
  clientMessageId?: string | null;
}

/** What is given back for a message that was sent. */
export interface SentMessage {
  message: Message;
  /** There if it had been stored by an earlier attempt. */
  duplicate?: true;
}

/** What clients send, and what an acknowledgement that says `ok` adds. */
export interface ClientEvents {
  join_conversation: {
    /** With `afterSeq` the missed messages come first, at most 500. */
    data: { conversationId: string; afterSeq?: number | null };
    ack: { conversation: Conversation; replayed: number; hasMore: boolean };
  };
  leave_conversation: { data: { conversationId: string }; ack: object };
  send_message: { data: Draft & { conversationId: string }; ack: SentMessage };
  create_message: {
    data: Draft & { contractId: string; milestoneId?: string | null };
    ack: SentMessage & { conversation: Conversation };
  };
  edit_message: {
    data: { conversationId: string; messageId: string; content: string };
    ack: { message: Message };
  };
  delete_message: { data: { conversationId: string; messageId: string }; ack: { message: Message } };
  typing: { data: { conversationId: string; isTyping: boolean }; ack: object };
  mark_as_read: { data: { conversationId: string; upToSeq?: number | null }; ack: ReadReceipt };
  /** 1 to 100 ids. */
  get_presence: { data: { userIds: string[] }; ack: PresenceList };
  refresh_token: { data: { token: string }; ack: { expiresAt: string } };
}

/** An acknowledgement as it comes. */
export type Ack<T> = ({ ok: true } & T) | { ok: false; error: Fault };
