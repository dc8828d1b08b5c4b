import type { Attachment, Contract, UploadOptions } from '@freelancehub/messaging-client';
import { useConversations, useMessaging } from '@freelancehub/messaging-client/react';
import { MessageCircleOff, MessageCirclePlus } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { ReactElement } from 'react';

import { Composer } from '../compose/Composer.js';
import { DropOverlay } from '../compose/DropOverlay.js';
import { moveDraft } from '../compose/drafts.js';
import { useDropZone } from '../compose/useDropZone.js';
import { useUploads } from '../compose/useUploads.js';
import { placeOf } from '../inbox/place.js';
import { contractTitle, milestoneTitle, useContract } from '../inbox/useContract.js';
import { Link } from '../route/Link.js';
import { formatRoute } from '../route/path.js';
import { navigate } from '../route/route.js';
import { useName, useSession } from '../session/SessionContext.js';
import { startAt, startBy, subscribeToStarts } from '../state/starts.js';
import type { StartRoute, StartState } from '../state/starts.js';
import { explain } from '../text/explain.js';
import { Header } from './ThreadHeader.js';

/** Where the first message about a contract, or a milestone of it, is written. */
export function StartThread({ contractId, milestoneId }: Omit<StartRoute, 'view'>): ReactElement {
  const route = useMemo<StartRoute>(() => ({ view: 'new', contractId, milestoneId }), [contractId, milestoneId]);
  const { contract, error } = useContract(contractId);
  const { items } = useConversations();
  const { to, exists } = placeOf(items, contractId, milestoneId);
  const knownId = exists && to.view === 'conversation' ? to.id : null;
  useGoingOn(route, knownId);
  const isUnknown = contract !== null && milestoneId !== null && !contract.milestones.some(({ id }) => id === milestoneId);
  if (error !== null || isUnknown) {
    return (
      <div className="empty" role="alert">
        <MessageCircleOff className="empty-icon" aria-hidden />
        <h2>There is nothing to write about here</h2>
        <p>{isUnknown ? 'The contract has no such milestone. Choose another one.' : explain(error)}</p>
        <Link to={{ view: 'list' }} className="button">
          Back to the list
        </Link>
      </div>
    );
  }
  if (contract === null) return <div className="thread-placeholder" role="status" aria-label="Loading the contract" />;
  return <FirstMessage contract={contract} route={route} />;
}

function FirstMessage({ contract, route }: { contract: Contract; route: StartRoute }): ReactElement {
  const client = useMessaging();
  const { milestoneId } = route;
  const { userId } = useSession();
  const otherId = contract.clientId === userId ? contract.freelancerId : contract.clientId;
  const other = useName(otherId);
  const input = useRef<HTMLTextAreaElement>(null);
  const { isBusy, error } = useStart(route);
  const send = (text: string, attachments: Attachment[]): Promise<void> => startBy(client, userId, route, text, attachments);
  const upload = useCallback(
    (file: File, options: UploadOptions) => client.uploadFor(contract.id, milestoneId, file, options),
    [client, contract.id, milestoneId],
  );
  const uploads = useUploads(upload);
  const drop = useDropZone(uploads.add);
  useEffect(() => input.current?.focus(), []);
  const known = { contract, error: null };
  const about = milestoneId === null ? contractTitle(known, contract.id) : milestoneTitle(known, milestoneId);
  return (
    <section className="thread" aria-label="New conversation" {...drop.handlers}>
      <Header userId={otherId} contractId={contract.id} milestoneId={milestoneId} />
      <div className="empty">
        <MessageCirclePlus className="empty-icon" aria-hidden />
        <h3>Write to {other}</h3>
        <p>Your first message begins the conversation about “{about}”.</p>
      </div>
      <footer className="thread-footer">
        <Composer {...{ uploads, input, isBusy, error }} place={formatRoute(route)} onSend={send} />
      </footer>
      {drop.isOver && <DropOverlay />}
    </section>
  );
}

function useStart(route: StartRoute): StartState {
  const { userId } = useSession();
  const read = useCallback(() => startAt(userId, route), [userId, route]);
  return useSyncExternalStore(subscribeToStarts, read);
}

/** Goes to the conversation once there is one, with what was written for its first message. */
function useGoingOn(route: StartRoute, knownId: string | null): void {
  const { userId } = useSession();
  // What is on its way is no draft any more.
  const { isBusy } = useStart(route);
  useEffect(() => {
    if (knownId === null || isBusy) return;
    moveDraft(userId, formatRoute(route), knownId);
    navigate({ view: 'conversation', id: knownId }, { replace: true });
  }, [userId, route, knownId, isBusy]);
}
