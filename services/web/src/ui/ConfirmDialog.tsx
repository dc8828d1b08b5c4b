import * as AlertDialog from '@radix-ui/react-alert-dialog';
import type { ReactElement } from 'react';

import { Fault } from './Fault.js';

interface Props {
  title: string;
  description: string;
  /** What the button is called that does it. */
  confirm: string;
  /** What the button is called that does nothing. */
  cancel: string;
  isBusy?: boolean;
  error?: string | null;
  /** Whether the focus goes elsewhere than to where it was. */
  leadsFocus?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done that cannot be undone. */
export function ConfirmDialog(props: Props): ReactElement {
  const { title, description, confirm, cancel, isBusy = false, error = null, leadsFocus = false, onConfirm, onClose } = props;
  const closed = (event: Event): void => {
    if (leadsFocus) event.preventDefault();
  };
  return (
    <AlertDialog.Root open onOpenChange={onClose}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog small" onCloseAutoFocus={closed}>
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description>{description}</AlertDialog.Description>
          <Fault text={error} />
          <div className="dialog-buttons">
            <AlertDialog.Cancel className="button">{cancel}</AlertDialog.Cancel>
            <button type="button" className="button danger" disabled={isBusy} onClick={onConfirm}>
              {confirm}
            </button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
