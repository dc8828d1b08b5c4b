import { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import type { SendOptions } from './conversation.js';
import { checkContent } from './draft.js';
import { MessagingError } from './error.js';
import type { Lifetime } from './lifetime.js';
import { randomId } from './random_id.js';
import type { ClientEvents } from './wire.js';

/** How long it is tried. */
const TRY_MS_MAX = 60_000;

const WAIT_FIRST_MS = 250;
const WAIT_LAST_MS = 5_000;

/** Sends a message by contract until it is answered for good, or a minute has passed. */
export async function startConversation(
  connection: Connection,
  lifetime: Lifetime,
  where: { contractId: string; milestoneId: string | null },
  content: string,
  { attachments = [], clientMessageId = randomId() }: SendOptions,
): Promise<ClientEvents['create_message']['ack']> {
  const invalid = checkContent(content, attachments.length);
  if (invalid !== null) throw invalid;
  const data = { ...where, content, attachments: attachments.map(({ id }) => ({ id })), clientMessageId };
  const backoff = new Backoff(WAIT_FIRST_MS, WAIT_LAST_MS);
  const endsAt = Date.now() + TRY_MS_MAX;
  for (;;) {
    try {
      return await connection.call('create_message', data);
    } catch (thrown) {
      const error = MessagingError.from(thrown);
      const waitMs = backoff.next(error.retryAfterMs);
      if (!error.isRetryable || Date.now() + waitMs > endsAt) throw error;
      await lifetime.sleep(waitMs);
    }
  }
}
