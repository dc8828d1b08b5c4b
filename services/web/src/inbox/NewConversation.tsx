import { useConversations } from '@freelancehub/messaging-client/react';
import * as Dialog from '@radix-ui/react-dialog';
import { ChevronRight, X } from 'lucide-react';
import { useRef, useState } from 'react';
import type { SyntheticEvent, ReactElement } from 'react';

import { Link } from '../route/Link.js';
import { isPlatformId } from '../route/path.js';
import { useSession } from '../session/SessionContext.js';
import { explain } from '../text/explain.js';
import { Fault } from '../ui/Fault.js';
import { IconButton } from '../ui/IconButton.js';
import { placeOf } from './place.js';
import { contractTitle, milestoneTitle, useContract } from './useContract.js';

/** Contracts that are offered; any other one is named by its id. */
const OFFERED_MAX = 8;

/** Asks what a new conversation is about: a contract, and one of its milestones or none. */
export function NewConversation({ onClose }: { onClose: () => void }): ReactElement {
  const [contractId, setContractId] = useState<string | null>(null);
  const hasChosen = useRef(false);
  const choose = (): void => {
    hasChosen.current = true;
    onClose();
  };
  // Whoever has chosen goes on in the conversation, not where the dialog was opened.
  const returnFocus = (event: Event): void => {
    if (hasChosen.current) event.preventDefault();
  };
  return (
    <Dialog.Root open onOpenChange={onClose}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" onCloseAutoFocus={returnFocus}>
          <Dialog.Title>New conversation</Dialog.Title>
          <Dialog.Description>Each contract has a conversation of its own, and so has each of its milestones.</Dialog.Description>
          <ContractForm onChoose={setContractId} />
          {contractId !== null && <Places key={contractId} contractId={contractId} onChoose={choose} />}
          <Dialog.Close asChild>
            <IconButton label="Close" className="dialog-close">
              <X />
            </IconButton>
          </Dialog.Close>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function ContractForm({ onChoose }: { onChoose: (contractId: string) => void }): ReactElement {
  const offered = useOffered();
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const id = text.trim();
    const isId = isPlatformId(id);
    setFault(isId ? null : 'A contract’s id has 1 to 64 letters, digits, dashes and underscores.');
    if (isId) onChoose(id);
  };
  return (
    <form className="contract-form" onSubmit={submit} noValidate>
      <label htmlFor="contract">Contract</label>
      <div className="field-row">
        <input
          id="contract"
          list="contracts"
          placeholder="Id of the contract"
          autoComplete="off"
          aria-describedby={fault === null ? undefined : 'contract-fault'}
          aria-invalid={fault !== null}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <datalist id="contracts">
          {offered.map((id) => (
            <option key={id} value={id} />
          ))}
        </datalist>
        <button type="submit" className="button primary">
          Look up
        </button>
      </div>
      <Fault id="contract-fault" text={fault} />
      {offered.length > 0 && (
        <div className="chips" role="group" aria-label="Your contracts">
          {offered.map((id) => (
            <ContractChip key={id} contractId={id} onChoose={onChoose} />
          ))}
        </div>
      )}
    </form>
  );
}

/** Contracts that the list of conversations, or the demo, tells of. */
function useOffered(): string[] {
  const { contracts } = useSession();
  const { items } = useConversations();
  const ids = [...items.map(({ contractId }) => contractId), ...contracts.map(({ id }) => id)];
  return [...new Set(ids)].slice(0, OFFERED_MAX);
}

function ContractChip({ contractId, onChoose }: { contractId: string; onChoose: (contractId: string) => void }): ReactElement {
  const title = contractTitle(useContract(contractId), contractId);
  return (
    <button type="button" className="chip" onClick={() => onChoose(contractId)}>
      {title === '' ? contractId : title}
    </button>
  );
}

function Places({ contractId, onChoose }: { contractId: string; onChoose: () => void }): ReactElement {
  const about = useContract(contractId);
  const { contract, error } = about;
  const { items } = useConversations();
  if (error !== null) return <Fault text={explain(error)} />;
  if (contract === null) return <p role="status">Looking it up …</p>;
  const milestoneIds = [null, ...contract.milestones.map(({ id }) => id)];
  return (
    <section className="places" aria-label={`Conversations of ${contractTitle(about, contractId)}`}>
      <h3>{contractTitle(about, contractId)}</h3>
      <ul>
        {milestoneIds.map((milestoneId) => {
          const { to, exists } = placeOf(items, contractId, milestoneId);
          return (
            <li key={milestoneId ?? ''}>
              <Link to={to} className="place" onClick={onChoose}>
                <span>{milestoneTitle(about, milestoneId)}</span>
                <small>{exists ? 'Open' : 'Start'}</small>
                <ChevronRight aria-hidden />
              </Link>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
