import { MessagingProvider } from '@freelancehub/messaging-client/react';
import * as Tooltip from '@radix-ui/react-tooltip';
import { useSyncExternalStore } from 'react';
import type { ReactElement } from 'react';

import { Inbox } from './inbox/Inbox.js';
import { session } from './session/session.js';
import { SessionContext } from './session/SessionContext.js';
import { SignIn } from './session/SignIn.js';
import { useUnsentCount } from './state/unsent.js';
import { ErrorBoundary } from './ui/ErrorBoundary.js';
import { useWarning } from './ui/useWarning.js';

const TOOLTIP_MS = 500;

/** The inbox of whoever is signed in, or the way to sign in. */
export function App(): ReactElement {
  const state = useSyncExternalStore(session.subscribe, session.get);
  // Also while signed out: what waits goes out once its sender has signed in again.
  useWarning(useUnsentCount() > 0);
  if (state.status === 'signed out') return <SignIn notice={state.notice} />;
  return (
    <ErrorBoundary what="Your messages">
      <SessionContext value={state}>
        <MessagingProvider client={state.client} key={state.userId}>
          <Tooltip.Provider delayDuration={TOOLTIP_MS}>
            <Inbox />
          </Tooltip.Provider>
        </MessagingProvider>
      </SessionContext>
    </ErrorBoundary>
  );
}
