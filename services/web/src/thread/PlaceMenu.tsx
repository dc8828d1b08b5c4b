import { useConversations } from '@freelancehub/messaging-client/react';
import * as Menu from '@radix-ui/react-dropdown-menu';
import { Check, ChevronDown } from 'lucide-react';
import type { ReactElement } from 'react';

import { placeOf } from '../inbox/place.js';
import { contractTitle, milestoneTitle, useContract } from '../inbox/useContract.js';
import { navigate } from '../route/route.js';

interface Props {
  contractId: string;
  milestoneId: string | null;
}

/** The contract and milestone that a conversation is about, and the way to the contract's other conversations. */
export function PlaceMenu({ contractId, milestoneId }: Props): ReactElement {
  const about = useContract(contractId);
  const { items } = useConversations();
  const title = contractTitle(about, contractId);
  const present = milestoneTitle(about, milestoneId);
  const milestoneIds = [null, ...(about.contract?.milestones ?? []).map(({ id }) => id)];
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger className="place-menu">
        <span className="place-contract">{title}</span>
        <span className="place-milestone">
          {present}
          <ChevronDown aria-hidden />
        </span>
        <span className="hidden">: other conversations of this contract</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Content className="menu" align="end" sideOffset={6} collisionPadding={8}>
          <Menu.Label className="menu-label">{title}</Menu.Label>
          {milestoneIds.map((id) => {
            const { to, exists } = placeOf(items, contractId, id);
            return (
              <Menu.Item key={id ?? ''} className="menu-item" onSelect={() => navigate(to)}>
                <span className="menu-mark">{id === milestoneId && <Check />}</span>
                {milestoneTitle(about, id)}
                {!exists && <small>Start</small>}
              </Menu.Item>
            );
          })}
        </Menu.Content>
      </Menu.Portal>
    </Menu.Root>
  );
}
