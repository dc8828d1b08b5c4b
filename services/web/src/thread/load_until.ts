import type { ConversationHandle } from '@freelancehub/messaging-client';

/** Pages that are loaded for one jump before it is asked whether to go on: 2,000 messages. */
export const PAGES_MAX = 40;

type Pages = Pick<ConversationHandle, 'get' | 'loadEarlier'>;

/** Messages that are to be loaded until one of them is there. */
export function remainingOf(pages: Pages, seq: number): number {
  const first = pages.get().messages.find((message) => message.state === 'sent');
  return first?.state === 'sent' ? Math.max(0, first.seq - seq) : 0;
}

/**
 * Loads earlier pages until a message is there; returns whether it is. It ends after `PAGES_MAX` pages, or when `goesOn`, which is asked
 * before each page, says so.
 */
export async function loadUntil(pages: Pages, seq: number, goesOn: () => boolean): Promise<boolean> {
  for (let count = 0; remainingOf(pages, seq) > 0; count += 1) {
    if (count === PAGES_MAX || !goesOn()) return false;
    await pages.loadEarlier();
  }
  return true;
}
