import type { StoredMessage, ThreadMessage } from '@freelancehub/messaging-client';
import { memo } from 'react';
import type { ReactElement } from 'react';

import { useName } from '../session/SessionContext.js';
import { explain } from '../text/explain.js';
import { clockTime, fullTime } from '../text/time.js';
import { AttachmentView } from './AttachmentView.js';
import { MessageActions } from './MessageActions.js';
import { RichText } from './RichText.js';
import { Ticks } from './Ticks.js';
import type { Delivery } from './Ticks.js';

/** What can be done with a message. The same object for all messages of a thread. */
export interface RowActions {
  edit: (message: StoredMessage) => void;
  remove: (message: StoredMessage) => void;
  retry: (clientMessageId: string) => void;
  discard: (clientMessageId: string) => void;
}

interface Props {
  rowKey: string;
  message: ThreadMessage;
  isOwn: boolean;
  isFirst: boolean;
  isLast: boolean;
  /** Whether the other participant has read it. */
  isRead: boolean;
  actions: RowActions;
}

/** One message of a thread. */
export const MessageRow = memo(function MessageRow(props: Props): ReactElement {
  const { rowKey, message, isOwn, isFirst, isLast, actions } = props;
  const name = useName(message.senderId);
  const isDeleted = message.state === 'sent' && message.deletedAt !== null;
  const classes = ['message', isOwn ? 'own' : 'theirs', isFirst && 'first', isLast && 'last', isDeleted && 'deleted'];
  return (
    <li className={classes.filter(Boolean).join(' ')} data-key={rowKey} data-message={message.state} tabIndex={-1}>
      <div className="bubble">
        <span className="hidden">{isOwn ? 'You:' : `${name}:`}</span>
        {isDeleted ? (
          <p className="text">{isOwn ? 'You deleted this message' : 'This message was deleted'}</p>
        ) : (
          <Content message={message} />
        )}
        <Meta {...props} />
      </div>
      {message.state === 'sent' && !isDeleted && <MessageActions message={message} isOwn={isOwn} actions={actions} />}
      {message.state === 'failed' && <Failure {...{ message, actions }} />}
    </li>
  );
});

function Content({ message: { attachments, content } }: { message: ThreadMessage }): ReactElement {
  return (
    <>
      {attachments.length > 0 && (
        <div className="attachments">
          {attachments.map((attachment) => (
            <AttachmentView key={attachment.id} attachment={attachment} />
          ))}
        </div>
      )}
      {content !== '' && <RichText text={content} />}
    </>
  );
}

function Meta({ message, isOwn, isRead }: Props): ReactElement {
  const isStored = message.state === 'sent';
  const isChanged = isStored && message.editedAt !== null && message.deletedAt === null;
  const delivery: Delivery = message.state === 'sent' && isRead ? 'read' : message.state;
  return (
    <span className="meta">
      {isChanged && <span title={fullTime(message.editedAt ?? '')}>edited</span>}
      <time dateTime={message.createdAt} title={fullTime(message.createdAt)}>
        {clockTime(message.createdAt)}
      </time>
      {isOwn && <Ticks delivery={delivery} />}
    </span>
  );
}

interface FailureProps {
  message: Extract<ThreadMessage, { state: 'sending' | 'failed' }>;
  actions: RowActions;
}

function Failure({ message: { clientMessageId, error }, actions }: FailureProps): ReactElement {
  return (
    <p className="failure" role="alert">
      <span>Not sent. {explain(error)}</span>
      <button type="button" className="link-button" onClick={() => actions.retry(clientMessageId)}>
        Send again
      </button>
      <button type="button" className="link-button" onClick={() => actions.discard(clientMessageId)}>
        Discard
      </button>
    </p>
  );
}
