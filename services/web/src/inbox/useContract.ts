import type { Contract } from '@freelancehub/messaging-client';
import { useMessaging } from '@freelancehub/messaging-client/react';
import { useEffect, useState } from 'react';

/** What is known of a contract. */
export interface ContractView {
  contract: Contract | null;
  error: unknown;
}

const NOTHING: ContractView = { contract: null, error: null };

/** A contract by its id; the client asks for each one once. */
export function useContract(id: string): ContractView {
  const client = useMessaging();
  const [known, setKnown] = useState({ id, view: NOTHING });
  useEffect(() => {
    let isWanted = true;
    const know = (view: ContractView): void => {
      if (isWanted) setKnown({ id, view });
    };
    client.contract(id).then(
      (contract) => know({ contract, error: null }),
      (error: unknown) => know({ contract: null, error }),
    );
    return () => {
      isWanted = false;
    };
  }, [client, id]);
  return known.id === id ? known.view : NOTHING;
}

/** How a contract is called: by its id if it has no title, or is not told; nothing as long as it is being asked for. */
export function contractTitle({ contract, error }: ContractView, id: string): string {
  if (contract === null && error === null) return '';
  return contract?.title ?? `Contract ${id}`;
}

/** How a milestone is called; what is about none is about the contract as a whole. */
export function milestoneTitle({ contract, error }: ContractView, id: string | null): string {
  if (id === null) return 'General';
  if (contract === null && error === null) return '';
  return contract?.milestones.find((milestone) => milestone.id === id)?.title ?? `Milestone ${id}`;
}
