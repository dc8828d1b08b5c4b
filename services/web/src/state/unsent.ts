import type { ConversationHandle } from '@freelancehub/messaging-client';
import { useSyncExternalStore } from 'react';

import { Signal } from './signal.js';

// What was sent but is not stored, of all conversations, whether they are shown or not: it is gone with the page, or with the client.

/** Messages of a conversation that are on their way or have failed, and how to stop counting them. */
interface Counted {
  count: number;
  end: () => void;
}

const counted = new Map<ConversationHandle, Counted>();
const starts = new Set<symbol>();
const changed = new Signal();

export function unsentCount(): number {
  let total = starts.size;
  for (const { count } of counted.values()) total += count;
  return total;
}

/** Counts what is not stored of a conversation until all of it is, or is discarded. To be called after something was sent there. */
export function countUnsent(handle: ConversationHandle): void {
  const look = (): void => {
    const count = handle.get().messages.filter(({ state }) => state !== 'sent').length;
    const known = counted.get(handle);
    if (count === 0) {
      known?.end();
      counted.delete(handle);
    } else {
      counted.set(handle, { count, end: known?.end ?? handle.subscribe(look) });
    }
    if (count !== (known?.count ?? 0)) changed.tell();
  };
  look();
}

/** Counts a message that begins a conversation; returns how to end that. */
export function countStart(): () => void {
  const start = Symbol('start');
  starts.add(start);
  changed.tell();
  return () => {
    if (starts.delete(start)) changed.tell();
  };
}

/** Its client is closed: nothing of it will be sent any more. */
export function forgetUnsent(): void {
  for (const { end } of counted.values()) end();
  counted.clear();
  starts.clear();
  changed.tell();
}

export function useUnsentCount(): number {
  return useSyncExternalStore(changed.subscribe, unsentCount);
}

/** How many messages are not sent, as the beginning of a sentence. */
export function unsentText(count: number): string {
  return count === 1 ? 'One message is' : `${String(count)} messages are`;
}
