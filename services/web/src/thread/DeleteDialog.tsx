import type { Message, StoredMessage } from '@freelancehub/messaging-client';
import * as AlertDialog from '@radix-ui/react-alert-dialog';
import { useState } from 'react';
import type { ReactElement } from 'react';

import { explain } from '../text/explain.js';
import { Fault } from '../ui/Fault.js';

interface Props {
  message: StoredMessage;
  onDelete: (messageId: string) => Promise<Message>;
  onClose: () => void;
}

/** Asks before a message is deleted, for good and for both. */
export function DeleteDialog({ message, onDelete, onClose }: Props): ReactElement {
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const remove = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      await onDelete(message.id);
      onClose();
    } catch (thrown) {
      setError(explain(thrown));
      setIsBusy(false);
    }
  };
  return (
    <AlertDialog.Root open onOpenChange={onClose}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog small" onCloseAutoFocus={(event) => event.preventDefault()}>
          <AlertDialog.Title>Delete this message?</AlertDialog.Title>
          <AlertDialog.Description>It is deleted for both of you, with its files. This cannot be undone.</AlertDialog.Description>
          <Fault text={error} />
          <div className="dialog-buttons">
            <AlertDialog.Cancel className="button">Keep it</AlertDialog.Cancel>
            <button type="button" className="button danger" disabled={isBusy} onClick={() => void remove()}>
              Delete
            </button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
