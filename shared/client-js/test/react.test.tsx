import './support/dom.js';

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import { StrictMode, useEffect, useRef } from 'react';
import type { ReactElement } from 'react';

import type { MessagingClient, ThreadState } from '../src/index.js';
import {
  MessagingProvider,
  useConnection,
  useConversation,
  useConversations,
  useMessaging,
  usePresence,
  useTyping,
} from '../src/react.js';
import { BOUND_MS, until } from './support/until.js';
import { live, status, world } from './support/world.js';

const here = world({ PRESENCE_GRACE_MS: '300' });

afterEach(cleanup);

function Inbox({ id, other }: { id: string; other: string }): ReactElement {
  const { status: connection } = useConnection();
  const { items, unreadTotal } = useConversations();
  const presence = usePresence(other);
  return (
    <main>
      <p data-testid="connection">{connection}</p>
      <p data-testid="list">{items.map((item) => item.lastMessage?.content).join('|')}</p>
      <p data-testid="unread">{unreadTotal}</p>
      <p data-testid="presence">{presence.get(other)?.status ?? 'unknown'}</p>
      <Thread id={id} />
    </main>
  );
}

const rendered: ThreadState['messages'][] = [];

function Thread({ id }: { id: string }): ReactElement {
  const { status: thread, messages, send, markAsRead } = useConversation(id);
  const { typing, onInput, stop } = useTyping(id);
  const functions = useRef({ send, markAsRead, onInput, stop });
  useEffect(() => {
    assert.deepEqual({ send, markAsRead, onInput, stop }, functions.current, 'functions stay the same');
    rendered.push(messages);
  });
  return (
    <section>
      <p data-testid="thread">{thread}</p>
      <ul data-testid="messages">
        {messages.map((message) => (
          <li key={message.clientMessageId ?? message.createdAt}>{`${message.content} ${message.state}`}</li>
        ))}
      </ul>
      <p data-testid="typing">{typing.join()}</p>
      <button onClick={() => void send('By a button')}>Send</button>
      <button onClick={() => void markAsRead()}>Read</button>
      <button onClick={onInput}>Type</button>
    </section>
  );
}

function strictly(client: MessagingClient, children: ReactElement): ReactElement {
  return (
    <StrictMode>
      <MessagingProvider client={client}>{children}</MessagingProvider>
    </StrictMode>
  );
}

/** Waits until an element reads like this. */
function reads(name: string, text: string): Promise<void> {
  return waitFor(
    () => {
      assert.equal(screen.getByTestId(name).textContent, text);
    },
    { timeout: BOUND_MS },
  );
}

async function click(name: string): Promise<void> {
  await act(async () => {
    screen.getByText(name).click();
    await Promise.resolve();
  });
}

test('components show the connection, the list, a thread, typing and presence, in strict mode', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ben);
  const { client, link } = await here.behindLink(ada);
  render(strictly(client, <Inbox id={id} other={ben} />));
  await reads('connection', 'connected');
  await reads('messages', 'First sent');
  await reads('thread', 'live');
  await reads('list', 'First');
  await reads('unread', '1');
  await reads('presence', 'offline');
  const bensClient = await here.connected(ben);
  const bens = await live(bensClient, id);
  await reads('presence', 'online');
  await click('Read');
  await reads('unread', '0');
  await click('Type');
  await until('ada is seen to type', () => bens.get().typing.join() === ada);
  bens.typing();
  await reads('typing', ben);
  await bens.send('Second');
  await reads('messages', 'First sentSecond sent');
  await reads('typing', '');
  await reads('list', 'Second');
  link.down();
  await reads('thread', 'offline');
  await click('Send');
  await reads('messages', 'First sentSecond sentBy a button sending');
  link.mend();
  await reads('messages', 'First sentSecond sentBy a button sent');
  await reads('connection', 'connected');
});

test('a thread is joined while a component shows it, and left after it', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ben);
  const client = await here.connected(ada);
  const notified: number[] = [];
  client.on('message_notification', ({ seq }) => notified.push(seq));
  const bens = await live(await here.connected(ben), id);
  const view = render(strictly(client, <Thread id={id} />));
  await reads('thread', 'live');
  await bens.send('While it is shown');
  await reads('messages', 'First sentWhile it is shown sent');
  assert.deepEqual(notified, []);
  await click('Type');
  await until('ada is seen to type', () => bens.get().typing.join() === ada);
  view.unmount();
  await until('typing ends', () => bens.get().typing.length === 0);
  await until('it is left', async () => {
    await bens.send('After it');
    return notified.length > 0;
  });
});

test('typing alone changes nothing of the messages', async () => {
  const { contractId, ada, ben } = await here.service.pair();
  const id = await here.conversation(contractId, ben);
  const bens = await live(await here.connected(ben), id);
  render(strictly(await here.connected(ada), <Thread id={id} />));
  await reads('messages', 'First sent');
  await reads('thread', 'live');
  rendered.length = 0;
  bens.typing();
  await reads('typing', ben);
  assert.ok(rendered.length > 0);
  assert.equal(new Set(rendered).size, 1, 'one array');
});

test('another id shows another thread', async () => {
  const first = await here.service.pair();
  const one = await here.conversation(first.contractId, first.ada, 'Of one');
  const second = await here.service.contract({ contractId: `${first.contractId}-2`, ada: first.ada, ben: first.ben });
  const two = await here.conversation(second.contractId, first.ada, 'Of the other');
  const client = await here.connected(first.ada);
  function Switched({ id }: { id: string }): ReactElement {
    return (
      <p data-testid="shown">
        {useConversation(id)
          .messages.map(({ content }) => content)
          .join()}
      </p>
    );
  }
  const view = render(strictly(client, <Switched id={one} />));
  await reads('shown', 'Of one');
  view.rerender(strictly(client, <Switched id={two} />));
  await reads('shown', 'Of the other');
  await until('the first is left', () => client.conversation(one).get().status === 'idle');
});

test('a hook below no provider says what is missing', () => {
  function Lost(): ReactElement {
    return <p>{useMessaging().userId}</p>;
  }
  const { error } = console;
  console.error = () => undefined;
  try {
    assert.throws(() => render(<Lost />), /MessagingProvider/);
  } finally {
    console.error = error;
  }
});

test('the client of a provider stays connected when components go', async () => {
  const { ada } = await here.service.pair();
  const client = await here.connected(ada);
  function Shown(): ReactElement {
    return <p data-testid="connection">{useConnection().status}</p>;
  }
  const view = render(strictly(client, <Shown />));
  await reads('connection', 'connected');
  view.unmount();
  await status(client, 'connected');
});
