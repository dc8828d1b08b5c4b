import type { ConversationHandle } from '@freelancehub/messaging-client';
import { useCallback, useEffect, useRef, useState } from 'react';

import { explain } from '../text/explain.js';

/** Pages that are loaded for one jump before it is asked whether to go on: 2,000 messages. */
const PAGES_MAX = 40;

/** How a jump is getting on. */
export interface JumpState {
  /** The message that is on its way. */
  seq: number;
  /** `loaded` once it can be shown; `paused` after so many pages that somebody should want the rest. */
  status: 'loading' | 'loaded' | 'paused' | 'failed';
  /** Messages between it and what is loaded, when it began and now. */
  distance: number;
  remaining: number;
  error: string | null;
}

/** What `useJump` returns. */
export interface Jump {
  state: JumpState | null;
  to: (seq: number) => void;
  /** Ends it, where it is. */
  end: () => void;
}

/** Loads earlier pages until a message is there. */
export function useJump(handle: ConversationHandle): Jump {
  const [state, setState] = useState<JumpState | null>(null);
  const attempt = useRef(0);
  const end = useCallback(() => {
    attempt.current += 1;
    setState(null);
  }, []);
  useEffect(
    () => () => {
      attempt.current += 1;
    },
    [],
  );
  const to = useCallback(
    (seq: number) => {
      attempt.current += 1;
      const mine = attempt.current;
      const distance = remainingOf(handle, seq);
      const tell = (status: JumpState['status'], error: string | null = null): void => {
        if (mine === attempt.current) setState({ seq, status, distance, remaining: remainingOf(handle, seq), error });
      };
      const load = async (): Promise<void> => {
        for (let pages = 0; remainingOf(handle, seq) > 0; pages += 1) {
          if (mine !== attempt.current) return;
          if (pages === PAGES_MAX) {
            tell('paused');
            return;
          }
          tell('loading');
          await handle.loadEarlier();
        }
        tell('loaded');
      };
      load().catch((error: unknown) => tell('failed', explain(error)));
    },
    [handle],
  );
  return { state, to, end };
}

/** Messages that are to be loaded until one of them is there. */
function remainingOf(handle: ConversationHandle, seq: number): number {
  const first = handle.get().messages.find((message) => message.state === 'sent');
  return first?.state === 'sent' ? Math.max(0, first.seq - seq) : 0;
}
