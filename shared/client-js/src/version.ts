import type { Message } from './wire.js';

/**
 * Whether a message as it was told of is not older than as it is known. Messages change by edits and at last by their deletion;
 * events, acknowledgements and answers by REST may come in another order than the changes they tell of.
 */
export function isNotOlder(told: Message, known: Message): boolean {
  if ((told.deletedAt === null) !== (known.deletedAt === null)) return told.deletedAt !== null;
  return instant(told.editedAt) >= instant(known.editedAt);
}

/** Whether two states of one message are the same. */
export function isSameState(one: Message, other: Message): boolean {
  return one.editedAt === other.editedAt && one.deletedAt === other.deletedAt && one.content === other.content;
}

function instant(time: string | null): number {
  return time === null ? 0 : Date.parse(time);
}
