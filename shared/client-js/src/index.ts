export { MessagingClient } from './client.js';
export type {
  ConversationHandle,
  SendOptions,
  StoredMessage,
  ThreadMessage,
  ThreadState,
  UnsentMessage,
  UploadOptions,
} from './conversation.js';
export type { ConversationList, ConversationListState } from './conversation_list.js';
export { MessagingError } from './error.js';
export type { ErrorCode, ServiceErrorCode } from './error.js';
export type { ClientOptions, ConnectionState } from './options.js';
export { randomId } from './random_id.js';
export type { Readable } from './store.js';
export { readClaims } from './token.js';
export type { Claims } from './token.js';
export type * from './wire.js';
