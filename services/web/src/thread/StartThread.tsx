import type { Attachment, Contract, UploadOptions } from '@freelancehub/messaging-client';
import { useConversations, useMessaging } from '@freelancehub/messaging-client/react';
import { MessageCircleOff, MessageCirclePlus } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';

import { Composer } from '../compose/Composer.js';
import { DropOverlay } from '../compose/DropOverlay.js';
import { keepDraft } from '../compose/drafts.js';
import { useDropZone } from '../compose/useDropZone.js';
import { useUploads } from '../compose/useUploads.js';
import { placeOf } from '../inbox/place.js';
import { contractTitle, milestoneTitle, useContract } from '../inbox/useContract.js';
import { Link } from '../route/Link.js';
import { formatRoute } from '../route/path.js';
import { navigate } from '../route/route.js';
import { useName, useSession } from '../session/SessionContext.js';
import { explain } from '../text/explain.js';
import { Header } from './ThreadHeader.js';

interface Props {
  contractId: string;
  milestoneId: string | null;
}

/** Where the first message about a contract, or a milestone of it, is written. */
export function StartThread({ contractId, milestoneId }: Props): ReactElement {
  const { contract, error } = useContract(contractId);
  const { items } = useConversations();
  const { to, exists } = placeOf(items, contractId, milestoneId);
  const knownId = exists && to.view === 'conversation' ? to.id : null;
  useEffect(() => {
    if (knownId !== null) navigate({ view: 'conversation', id: knownId }, { replace: true });
  }, [knownId]);
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
  return <FirstMessage contract={contract} milestoneId={milestoneId} />;
}

function FirstMessage({ contract, milestoneId }: { contract: Contract; milestoneId: string | null }): ReactElement {
  const client = useMessaging();
  const { userId } = useSession();
  const otherId = contract.clientId === userId ? contract.freelancerId : contract.clientId;
  const other = useName(otherId);
  const input = useRef<HTMLTextAreaElement>(null);
  const { send, isBusy, error } = useStart(contract.id, milestoneId);
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
        <Composer {...{ uploads, input, isBusy, error }} place={placeName(contract.id, milestoneId)} onSend={send} />
      </footer>
      {drop.isOver && <DropOverlay />}
    </section>
  );
}

/** What the draft of a conversation that does not exist yet is kept by. */
function placeName(contractId: string, milestoneId: string | null): string {
  return formatRoute({ view: 'new', contractId, milestoneId });
}

interface Start {
  send: (text: string, attachments: Attachment[]) => Promise<void>;
  isBusy: boolean;
  error: string | null;
}

function useStart(contractId: string, milestoneId: string | null): Start {
  const client = useMessaging();
  const { userId } = useSession();
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  // The same message has the same name when it is sent again: an attempt without an answer may have been stored.
  const named = useRef({ content: '', name: '' });
  const send = async (text: string, attachments: Attachment[]): Promise<void> => {
    const content = JSON.stringify([text, attachments.map(({ id }) => id)]);
    if (named.current.content !== content) named.current = { content, name: randomName() };
    setIsBusy(true);
    setError(null);
    try {
      const options = { attachments, clientMessageId: named.current.name };
      const { conversation } = await client.start(contractId, milestoneId, text, options);
      keepDraft(userId, placeName(contractId, milestoneId), '');
      navigate({ view: 'conversation', id: conversation.id }, { replace: true });
    } catch (thrown) {
      setError(explain(thrown));
      throw thrown;
    } finally {
      setIsBusy(false);
    }
  };
  return { send, isBusy, error };
}

/** `crypto.randomUUID` is not there on pages that came over plain HTTP. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
}
