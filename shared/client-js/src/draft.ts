import { MessagingError } from './error.js';

/** Unicode scalar values of a message once trimmed. */
const CONTENT_SCALARS_MAX = 10_000;

/** UTF-16 units that are not worth counting scalar values of: white space around the text is sent, too, and a frame has a limit. */
const CONTENT_UNITS_MAX = 30_000;

/**
 * What is wrong with a text; null if nothing is, as far as it is looked at.
 *
 * The service checks more. It would close the connection for a frame over its limit, though, and a message in the outbox would be
 * sent again and close the next one: so what is too long must not go out.
 */
export function checkContent(content: string, attachmentCount: number): MessagingError | null {
  const isEmpty = !/\P{White_Space}/u.test(content);
  if (isEmpty && attachmentCount === 0) return MessagingError.invalid('content', 'must not be empty');
  const isTooLong = content.length > CONTENT_UNITS_MAX || Array.from(content.trim()).length > CONTENT_SCALARS_MAX;
  if (isTooLong) return MessagingError.invalid('content', `must be at most ${String(CONTENT_SCALARS_MAX)} characters`);
  return null;
}
