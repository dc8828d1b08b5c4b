import type { Message, StoredMessage } from '@freelancehub/messaging-client';
import { Check, Pencil, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';

import { explain } from '../text/explain.js';
import { Fault } from '../ui/Fault.js';
import { IconButton } from '../ui/IconButton.js';
import { useGrowing } from './Composer.js';

interface Props {
  message: StoredMessage;
  onEdit: (messageId: string, content: string) => Promise<Message>;
  onClose: () => void;
}

/** Where a message of one's own is changed. It stays open until the service has taken the change. */
export function EditComposer({ message, onEdit, onClose }: Props): ReactElement {
  const [text, setText] = useState(message.content);
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  useGrowing(input, text);
  useEffect(() => {
    const { current } = input;
    current?.focus();
    current?.setSelectionRange(current.value.length, current.value.length);
  }, []);
  const isEmpty = text.trim() === '' && message.attachments.length === 0;

  const save = async (): Promise<void> => {
    if (isEmpty || isBusy) return;
    if (text.trim() === message.content) {
      onClose();
      return;
    }
    setIsBusy(true);
    setError(null);
    try {
      await onEdit(message.id, text);
      onClose();
    } catch (thrown) {
      setError(explain(thrown));
      setIsBusy(false);
    }
  };
  const press = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      void save();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      onClose();
    }
  };
  return (
    <form
      className="composer editing"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <p className="editing-note">
        <Pencil aria-hidden /> Editing a message. Escape leaves it as it was.
      </p>
      <Fault text={error} />
      <div className="composer-row">
        <IconButton label="Cancel editing" onClick={onClose}>
          <X />
        </IconButton>
        <textarea
          ref={input}
          rows={1}
          aria-label="Edited message"
          value={text}
          readOnly={isBusy}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={press}
        />
        <IconButton type="submit" label="Save" className="send" disabled={isEmpty || isBusy}>
          <Check />
        </IconButton>
      </div>
    </form>
  );
}
