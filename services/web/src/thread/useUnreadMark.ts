import { useCallback, useState } from 'react';

/** What was read when it was last looked at; null for no mark, undefined before the thread is loaded. */
type Mark = number | null | undefined;

interface Seen {
  isLoaded: boolean;
  /** Whether whoever it is for is looking at the end of the thread. */
  isAttentive: boolean;
  /** How far it is read. */
  readSeq: number;
  /** The last message of somebody else; 0 if there is none. */
  lastOtherSeq: number;
  unreadCount: number;
}

/**
 * Up to where a thread was read before what is new: when it was opened, or when somebody last looked away. It stays where it is while
 * what is new is being read.
 */
export function useUnreadMark({ isLoaded, isAttentive, readSeq, lastOtherSeq, unreadCount }: Seen): {
  markSeq: number | null;
  clearMark: () => void;
} {
  const [mark, setMark] = useState<Mark>(undefined);
  const isOpening = mark === undefined && isLoaded;
  const isAway = mark !== undefined && !isAttentive && lastOtherSeq > readSeq && (mark ?? 0) < readSeq;
  // Set while rendering, so that the mark is there when the thread is scrolled to it.
  if (isOpening) setMark(unreadCount > 0 ? readSeq : null);
  else if (isAway) setMark(readSeq);
  const clearMark = useCallback(() => setMark(null), []);
  return { markSeq: mark ?? null, clearMark };
}
