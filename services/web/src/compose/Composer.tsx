import type { Attachment } from '@freelancehub/messaging-client';
import { Paperclip, SendHorizontal } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ClipboardEvent, KeyboardEvent, ReactElement, RefObject, SyntheticEvent } from 'react';

import { useSession } from '../session/SessionContext.js';
import { Fault } from '../ui/Fault.js';
import { IconButton } from '../ui/IconButton.js';
import { draftOf, keepDraft } from './drafts.js';
import { UploadTray } from './UploadTray.js';
import type { Uploads } from './useUploads.js';

interface Props {
  /** What its draft is kept by. */
  place: string;
  uploads: Uploads;
  input: RefObject<HTMLTextAreaElement | null>;
  /** Whether a message is on its way that another one must not overtake. */
  isBusy?: boolean;
  /** Why the last message was not taken. */
  error?: string | null;
  onSend: (text: string, attachments: Attachment[]) => Promise<void> | void;
  onType?: () => void;
  onStopTyping?: () => void;
  /** Up was pressed where nothing is written. */
  onEditLast?: () => void;
}

const HEIGHT_PX_MAX = 200;

/** Where a message is written, with its files. */
export function Composer(props: Props): ReactElement {
  const { place, uploads, input, isBusy = false, error = null } = props;
  const { userId } = useSession();
  const [text, setText] = useState(() => draftOf(userId, place));
  const [hint, setHint] = useState<string | null>(null);
  const isEmpty = text.trim() === '' && uploads.items.length === 0;
  useGrowing(input, text);
  useEffect(() => setHint(null), [uploads.items]);

  const write = (next: string): void => {
    setText(next);
    keepDraft(userId, place, next);
    if (next.trim() === '') props.onStopTyping?.();
    else props.onType?.();
  };
  const send = async (): Promise<void> => {
    if (isEmpty || isBusy) return;
    if (uploads.isBusy) {
      setHint('Not all files are uploaded. Wait for them, or remove them.');
      return;
    }
    const attachments = uploads.items.flatMap(({ attachment }) => (attachment === null ? [] : [attachment]));
    await props.onSend(text, attachments);
    write('');
    uploads.clear();
  };
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    // What becomes of the message is shown by whoever sends it; the text stays where it was not taken.
    send().catch(() => undefined);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      submit(event);
    } else if (event.key === 'ArrowUp' && isEmpty && text === '' && props.onEditLast !== undefined) {
      event.preventDefault();
      props.onEditLast();
    }
  };

  return (
    <form className="composer" onSubmit={submit}>
      <UploadTray uploads={uploads} />
      <Fault text={hint ?? error} />
      <div className="composer-row">
        <FileButton onFiles={uploads.add} />
        <textarea
          ref={input}
          rows={1}
          aria-label="Message"
          placeholder="Write a message"
          enterKeyHint="send"
          readOnly={isBusy}
          value={text}
          onChange={(event) => write(event.target.value)}
          onKeyDown={press}
          onPaste={(event) => paste(event, uploads)}
          onBlur={props.onStopTyping}
        />
        <IconButton type="submit" label="Send" className="send" disabled={isEmpty || isBusy}>
          <SendHorizontal />
        </IconButton>
      </div>
    </form>
  );
}

function paste(event: ClipboardEvent, uploads: Uploads): void {
  const { files } = event.clipboardData;
  if (files.length === 0) return;
  event.preventDefault();
  uploads.add(files);
}

function FileButton({ onFiles }: { onFiles: (files: Iterable<File>) => void }): ReactElement {
  const files = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={(event) => {
          onFiles(event.target.files ?? []);
          // The same file can be chosen again.
          event.target.value = '';
        }}
      />
      <IconButton label="Add files" onClick={() => files.current?.click()}>
        <Paperclip />
      </IconButton>
    </>
  );
}

/** Lets a text field be as high as its text, to a limit. */
export function useGrowing(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${String(Math.min(element.scrollHeight, HEIGHT_PX_MAX))}px`;
  }, [field, text]);
}
