import type { Attachment } from '@freelancehub/messaging-client';
import { useConnection, useMessaging } from '@freelancehub/messaging-client/react';
import { useCallback, useEffect, useState } from 'react';

import { explain } from '../text/explain.js';

/** The bytes of an attachment, as far as they are here. */
export interface Download {
  /** An address of the bytes in this page; null until they are here. */
  url: string | null;
  error: string | null;
  retry: () => void;
}

/** Downloads an attachment while it is wanted, as an `<img src>` cannot send a token. The bytes are let go of with the component. */
export function useDownload(attachment: Attachment, isWanted: boolean): Download {
  const client = useMessaging();
  const [state, setState] = useState<{ url: string | null; error: string | null }>({ url: null, error: null });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!isWanted) return undefined;
    const stop = new AbortController();
    let url: string | null = null;
    client.download(attachment, { signal: stop.signal }).then(
      (bytes) => {
        if (stop.signal.aborted) return;
        url = URL.createObjectURL(bytes);
        setState({ url, error: null });
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setState({ url: null, error: explain(error) });
      },
    );
    return () => {
      stop.abort();
      if (url !== null) URL.revokeObjectURL(url);
      setState({ url: null, error: null });
    };
  }, [client, attachment, isWanted, attempt]);
  const isConnected = useConnection().status === 'connected';
  const [wasConnected, setWasConnected] = useState(isConnected);
  if (isConnected !== wasConnected) {
    setWasConnected(isConnected);
    // What failed for want of a connection comes by itself once it is back.
    if (isConnected && state.error !== null) setAttempt(attempt + 1);
  }
  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  return { ...state, retry };
}
