import { MessagingClient } from '@freelancehub/messaging-client';
import { MessagingProvider, useConversation, useTyping } from '@freelancehub/messaging-client/react';
import { createRoot } from 'react-dom/client';

const client = new MessagingClient({ token: () => sessionStorage.getItem('token') ?? '' });
void client.connect();

function Thread({ id }: { id: string }) {
  const { messages, send } = useConversation(id);
  const { typing, onInput } = useTyping(id);
  const rows = messages.map((message) => (
    <li key={message.state === 'sent' ? message.seq : message.clientMessageId}>
      <b>{message.senderId}</b> {message.content} <small>{message.state}</small>
    </li>
  ));
  return (
    <form action={(form) => void send(form.get('text') as string)}>
      <ol>{rows}</ol>
      <p aria-live="polite">{typing.length > 0 && 'typing …'}</p>
      <input name="text" aria-label="Message" onInput={onInput} required />
    </form>
  );
}

const thread = <Thread id={location.hash.slice(1)} />;
createRoot(document.body).render(<MessagingProvider client={client}>{thread}</MessagingProvider>);
