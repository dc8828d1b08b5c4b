import type { ThreadMessage } from '@freelancehub/messaging-client';

import { dayOf } from './time.js';
import type { Place } from './time.js';

/** What a thread shows, from top to bottom. */
export type Row =
  | { kind: 'day'; key: string; time: string }
  | { kind: 'unread'; key: string }
  | { kind: 'message'; key: string; message: ThreadMessage; isFirst: boolean; isLast: boolean };

/** Messages of one sender within so long of each other belong together. */
const GROUP_MS_MAX = 5 * 60_000;

/** Where the mark of what is new belongs: before the first message of somebody else after what was read. */
export interface UnreadMark {
  readSeq: number;
  ownId: string;
}

/** The name of a message that stays the same when it is sent, stored, edited and deleted. */
export function keyOf(message: ThreadMessage): string {
  if (message.clientMessageId !== null) return `${message.senderId}/${message.clientMessageId}`;
  return message.state === 'sent' ? message.id : '';
}

/**
 * The rows of a thread: a separator before each day, the mark of what is new, and messages grouped by sender.
 *
 * A message is the first of its group if another sender, another day, the mark or a pause comes before it, and the last one if the next
 * is a first.
 */
export function arrange(messages: readonly ThreadMessage[], mark: UnreadMark | null, place: Place = {}): Row[] {
  const rows: Row[] = [];
  let before: ThreadMessage | null = null;
  let day = '';
  let lastRow: Extract<Row, { kind: 'message' }> | null = null;
  const marked = markedOf(messages, mark);
  for (const message of messages) {
    const { createdAt } = message;
    const isNewDay = dayOf(createdAt, place) !== day;
    const isMarked = message === marked;
    const isFirst = isNewDay || isMarked || before === null || !belongTogether(before, message);
    if (lastRow !== null) lastRow.isLast = isFirst;
    if (isNewDay) {
      day = dayOf(createdAt, place);
      rows.push({ kind: 'day', key: `day ${day} ${keyOf(message)}`, time: createdAt });
    }
    if (isMarked) rows.push({ kind: 'unread', key: 'unread' });
    lastRow = { kind: 'message', key: keyOf(message), message, isFirst, isLast: true };
    rows.push(lastRow);
    before = message;
  }
  return rows;
}

function belongTogether(one: ThreadMessage, next: ThreadMessage): boolean {
  if (one.senderId !== next.senderId) return false;
  return Math.abs(Date.parse(next.createdAt) - Date.parse(one.createdAt)) < GROUP_MS_MAX;
}

/** The message before which the mark is; null while it is not known to be the first one, as those before it are not loaded. */
function markedOf(messages: readonly ThreadMessage[], mark: UnreadMark | null): ThreadMessage | null {
  const [first] = messages;
  if (mark === null || first?.state !== 'sent' || first.seq > mark.readSeq + 1) return null;
  return messages.find((one) => one.state === 'sent' && one.seq > mark.readSeq && one.senderId !== mark.ownId) ?? null;
}
