import { useConnection, useMessaging } from '@freelancehub/messaging-client/react';
import { CloudOff, Loader } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';

import { explain } from '../text/explain.js';

/** The first connection takes a moment, which is not worth a word. */
const CONNECTING_MS_MAX = 2_000;

/** Of nobody's contract, but of the page. */
const FORBIDDEN = 'The service does not accept this page. Whoever runs it has to add its address to CORS_ORIGINS.';

/** Says that there is no connection, and what that means. */
export function ConnectionBanner(): ReactElement | null {
  const client = useMessaging();
  const { status, error } = useConnection();
  const isLate = useLate(status === 'connecting');
  if (status === 'refused') {
    return (
      <div className="banner refused" role="alert">
        <CloudOff aria-hidden />
        <p>{error?.code === 'forbidden' ? FORBIDDEN : explain(error)}</p>
        <button type="button" className="link-button" onClick={() => void client.connect().catch(() => undefined)}>
          Try again
        </button>
      </div>
    );
  }
  if (status === 'offline' || isLate) {
    return (
      <div className="banner" role="status">
        <Loader className="spin" aria-hidden />
        <p>{isLate ? 'Connecting …' : 'No connection. Trying again; what you send now goes out once it is back.'}</p>
      </div>
    );
  }
  return null;
}

/** Whether something has lasted for longer than it should. */
function useLate(isGoingOn: boolean): boolean {
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    if (!isGoingOn) return undefined;
    const timer = setTimeout(() => setIsLate(true), CONNECTING_MS_MAX);
    return () => {
      clearTimeout(timer);
      setIsLate(false);
    };
  }, [isGoingOn]);
  return isGoingOn && isLate;
}
