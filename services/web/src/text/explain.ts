import { MessagingError } from '@freelancehub/messaging-client';

const SENTENCES: Readonly<Record<string, string>> = {
  unauthorized: 'Your sign-in is no longer valid. Sign in again.',
  forbidden: 'You may not do this. If you think you should, ask whoever set up the contract.',
  not_found: 'This does not exist, or is not yours. Check the address, or choose a conversation from the list.',
  payload_too_large: 'This is too large. Send a smaller file or a shorter text.',
  unsupported_media_type: 'Files of this kind cannot be sent. Send it as another kind, such as PDF or PNG.',
  conflict: 'This was changed meanwhile. Look at the conversation, and try again if it is still needed.',
  rate_limited: 'This was too much at once. Wait a moment, then try again.',
  limit_reached: 'There are too many connections or waiting messages. Close other windows, then try again.',
  unavailable: 'The service cannot be reached at the moment. Check your connection, then try again.',
  internal: 'The service had a fault. Try again in a moment.',
  closed: 'You have signed out.',
};

/** What went wrong, and what to do, as a sentence for people. */
export function explain(thrown: unknown): string {
  const error = MessagingError.from(thrown);
  if (error.code === 'validation_failed') {
    const [fault] = error.errors;
    const what = fault === undefined ? error.message : `${fault.field} ${fault.message}`;
    return `This cannot be accepted: ${what}. Correct it, then try again.`;
  }
  return SENTENCES[error.code] ?? `${error.message}. Try again.`;
}
