import type { Attachment, Conversation, StoredMessage } from '@freelancehub/messaging-client';
import { useMessaging, useTyping } from '@freelancehub/messaging-client/react';
import type { ConversationView } from '@freelancehub/messaging-client/react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';

import { Composer } from '../compose/Composer.js';
import { EditComposer } from '../compose/EditComposer.js';
import { DropOverlay } from '../compose/DropOverlay.js';
import { useDropZone } from '../compose/useDropZone.js';
import { useUploads } from '../compose/useUploads.js';
import { otherOf } from '../inbox/participants.js';
import { navigate } from '../route/route.js';
import { useName, useSession } from '../session/SessionContext.js';
import { countUnsent } from '../state/unsent.js';
import { useWarning } from '../ui/useWarning.js';
import { DeleteDialog } from './DeleteDialog.js';
import type { LogControls } from './MessageLog.js';
import { MessageLog } from './MessageLog.js';
import type { RowActions } from './MessageRow.js';
import { SearchPanel } from './SearchPanel.js';
import { ThreadHeader } from './ThreadHeader.js';
import { useJump } from './useJump.js';

interface Props {
  id: string;
  thread: ConversationView;
  conversation: Conversation;
}

/** A conversation that is loaded: its messages, and all that can be done there. */
export function LiveThread({ id, thread, conversation }: Props): ReactElement {
  const client = useMessaging();
  const { userId } = useSession();
  const [isSearching, setIsSearching] = useState(false);
  const [editing, setEditing] = useState<StoredMessage | null>(null);
  const [deleting, setDeleting] = useState<StoredMessage | null>(null);
  const log = useRef<LogControls>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const uploads = useUploads(thread.upload);
  const drop = useDropZone(uploads.add);
  const handle = useMemo(() => client.conversation(id), [client, id]);
  const jump = useJump(handle);
  const { retry, discard } = thread;
  const actions = useMemo<RowActions>(
    () => ({ edit: setEditing, remove: setDeleting, retry: (name) => void retry(name), discard }),
    [retry, discard],
  );
  useFocus(input);
  useWarning(uploads.items.length > 0);

  const send = (text: string, attachments: Attachment[]): void => {
    log.current?.toEnd();
    void thread.send(text, { attachments });
    countUnsent(handle);
  };
  const editLast = (): void => {
    const isEditable = (one: ConversationView['messages'][number]): one is StoredMessage =>
      one.state === 'sent' && one.senderId === userId && one.deletedAt === null;
    setEditing(thread.messages.findLast(isEditable) ?? null);
  };
  const backToInput = (): void => {
    setEditing(null);
    setDeleting(null);
    // Once it is there again.
    requestAnimationFrame(() => input.current?.focus());
  };
  const closeSearch = (): void => {
    setIsSearching(false);
    jump.end();
    input.current?.focus();
  };
  const leave = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.defaultPrevented || event.nativeEvent.isComposing) return;
    if (isSearching) closeSearch();
    else navigate({ view: 'list' });
  };

  return (
    // Escape is a shorter way only, and files can be chosen by a button, too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <section className="thread" aria-label="Conversation" onKeyDown={leave} {...drop.handlers}>
      <ThreadHeader conversation={conversation} isSearching={isSearching} onSearch={() => setIsSearching(!isSearching)} />
      {isSearching && <SearchPanel search={thread.search} jump={jump} onClose={closeSearch} />}
      <MessageLog ref={log} thread={thread} conversation={conversation} jump={jump} actions={actions} />
      <ComposerArea
        {...{ id, conversation, uploads, input, editing, send, editLast }}
        onEdit={thread.edit}
        onEdited={backToInput}
      />
      {drop.isOver && <DropOverlay />}
      {deleting !== null && <DeleteDialog message={deleting} onDelete={thread.delete} onClose={backToInput} />}
    </section>
  );
}

interface AreaProps extends Pick<Parameters<typeof Composer>[0], 'uploads' | 'input'> {
  id: string;
  conversation: Conversation;
  editing: StoredMessage | null;
  send: (text: string, attachments: Attachment[]) => void;
  editLast: () => void;
  onEdit: ConversationView['edit'];
  onEdited: () => void;
}

function ComposerArea({ id, conversation, uploads, input, editing, send, editLast, onEdit, onEdited }: AreaProps): ReactElement {
  const { typing, onInput, stop } = useTyping(id);
  const { userId } = useSession();
  const name = useName(otherOf(conversation, userId)?.userId ?? null);
  return (
    <footer className="thread-footer">
      <p className="typing" role="status">
        {typing.length > 0 && (
          <>
            <span className="dots" aria-hidden>
              <span />
              <span />
              <span />
            </span>
            {name} is typing …
          </>
        )}
      </p>
      {editing === null ? (
        <Composer
          place={id}
          uploads={uploads}
          input={input}
          onSend={send}
          onType={onInput}
          onStopTyping={stop}
          onEditLast={editLast}
        />
      ) : (
        <EditComposer key={editing.id} message={editing} onEdit={onEdit} onClose={onEdited} />
      )}
    </footer>
  );
}

/** Whoever opens a conversation can write at once, except where that brings a keyboard over half of the screen. */
function useFocus(input: { current: HTMLElement | null }): void {
  useEffect(() => {
    const isTouched = matchMedia('(hover: none)').matches;
    if (isTouched) document.querySelector<HTMLElement>('#thread h2')?.focus();
    else input.current?.focus();
  }, [input]);
}
