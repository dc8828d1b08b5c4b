import type { Message, StoredMessage } from '@freelancehub/messaging-client';
import { useState } from 'react';
import type { ReactElement } from 'react';

import { explain } from '../text/explain.js';
import { ConfirmDialog } from '../ui/ConfirmDialog.js';

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
    <ConfirmDialog
      title="Delete this message?"
      description="It is deleted for both of you, with its files. This cannot be undone."
      confirm="Delete"
      cancel="Keep it"
      leadsFocus
      onConfirm={() => void remove()}
      {...{ isBusy, error, onClose }}
    />
  );
}
