import * as Menu from '@radix-ui/react-dropdown-menu';
import type { StoredMessage } from '@freelancehub/messaging-client';
import { Copy, Ellipsis, Pencil, Trash2 } from 'lucide-react';
import { useRef, useState } from 'react';
import type { ReactElement } from 'react';

import type { RowActions } from './MessageRow.js';

interface Props {
  message: StoredMessage;
  isOwn: boolean;
  actions: RowActions;
}

/** What can be done with a message. The menu is made when it is first asked for: a thread has thousands of these. */
export function MessageActions(props: Props): ReactElement | null {
  const [isAsked, setIsAsked] = useState(false);
  if (!props.isOwn && !canCopy(props.message)) return null;
  if (isAsked) return <ActionsMenu {...props} />;
  return (
    <button type="button" className="actions" aria-label="Message actions" tabIndex={-1} onClick={() => setIsAsked(true)}>
      <Ellipsis aria-hidden />
    </button>
  );
}

/** Pages that were not loaded by HTTPS have no clipboard. */
function canCopy({ content }: StoredMessage): boolean {
  return content !== '' && 'clipboard' in navigator;
}

function copy({ content }: StoredMessage): void {
  // A browser that refuses says so itself, and the text can be selected.
  navigator.clipboard.writeText(content).catch(() => undefined);
}

function ActionsMenu({ message, isOwn, actions }: Props): ReactElement {
  const hasLedOn = useRef(false);
  const lead =
    (action: (message: StoredMessage) => void): (() => void) =>
    () => {
      hasLedOn.current = true;
      action(message);
    };
  // Editing and deleting take the focus, which would be given back to the button.
  const returnFocus = (event: Event): void => {
    if (hasLedOn.current) event.preventDefault();
    hasLedOn.current = false;
  };
  return (
    <Menu.Root defaultOpen modal={false}>
      <Menu.Trigger className="actions" aria-label="Message actions" tabIndex={-1}>
        <Ellipsis aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Content
          className="menu"
          align={isOwn ? 'end' : 'start'}
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={returnFocus}
        >
          {canCopy(message) && (
            <Menu.Item className="menu-item" onSelect={() => copy(message)}>
              <Copy className="menu-mark" />
              Copy text
            </Menu.Item>
          )}
          {isOwn && (
            <>
              <Menu.Item className="menu-item" onSelect={lead(actions.edit)}>
                <Pencil className="menu-mark" />
                Edit
              </Menu.Item>
              <Menu.Item className="menu-item danger" onSelect={lead(actions.remove)}>
                <Trash2 className="menu-mark" />
                Delete
              </Menu.Item>
            </>
          )}
        </Menu.Content>
      </Menu.Portal>
    </Menu.Root>
  );
}
