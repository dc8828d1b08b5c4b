import type { Message } from '@freelancehub/messaging-client';

/** Of a text that is shown in one line there is never need for more. */
const CHARACTERS_MAX = 200;

/** A message in one line of a list. */
export function previewOf(message: Message | null, ownId: string): string {
  if (message === null) return '';
  const isOwn = message.senderId === ownId;
  if (message.deletedAt !== null) return isOwn ? 'You deleted a message' : 'A message was deleted';
  return `${isOwn ? 'You: ' : ''}${contentOf(message)}`;
}

function contentOf({ content, attachments }: Message): string {
  if (content !== '') return content.slice(0, CHARACTERS_MAX).replaceAll(/\s+/gu, ' ');
  const [first] = attachments;
  // Of a message that was only told of, the files are not known yet.
  if (first === undefined) return 'Sent a file';
  return attachments.length === 1 ? first.filename : `${String(attachments.length)} files`;
}

/** A count as a badge has it. */
export function badge(count: number): string {
  return count > 99 ? '99+' : String(count);
}
