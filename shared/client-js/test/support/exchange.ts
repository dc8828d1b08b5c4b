// Two users who write to each other while their connections are cut.

import assert from 'node:assert/strict';

import type { ClientOptions, ConversationHandle, Message } from '../../src/index.js';
import { Watcher } from './watcher.js';
import { until, within } from './until.js';
import { hasStored, live, range, storedIn } from './world.js';
import type { World } from './world.js';

/** So many messages are on their way at a time from each side, so that there is always something to be cut. */
const AHEAD = 20;

const BOUND_MS = 120_000;

/** What an exchange is like. */
export interface Exchange {
  /** Of both sides together, half of them each. */
  messages: number;
  cuts: number;
  options: Partial<ClientOptions>;
}

/** What was seen of it. */
export interface Seen {
  /** Reconnects of both sides. */
  reconnects: number;
  /** Of those, how many were recovered by the service. */
  states: number;
  ms: number;
}

/** Lets both send while one link after the other, and both, are cut; checks that each shows exactly the log. */
export async function exchange(here: World, { messages, cuts, options }: Exchange): Promise<Seen> {
  const pair = await here.service.pair();
  const id = await here.conversation(pair.contractId, pair.ada);
  const begunAt = Date.now();
  const sides = await Promise.all(
    [pair.ada, pair.ben].map(async (userId) => {
      const { client, link } = await here.behindLink(userId, options);
      let reconnects = 0;
      let wasUp = true;
      client.connection.subscribe(() => {
        const isUp = client.connection.get().status === 'connected';
        if (isUp && !wasUp) reconnects += 1;
        wasUp = isUp;
      });
      const handle = await live(client, id);
      return { userId, link, handle, watcher: new Watcher(handle), reconnects: () => reconnects };
    }),
  );
  let stored = 0;
  const count = (message: Message): void => {
    assert.ok(message.seq > 0);
    stored += 1;
  };
  const sending = Promise.all(sides.map(({ handle, userId }) => sendAll(handle, userId, messages / 2, count)));
  for (const cut of range(cuts)) {
    const due = Math.floor((cut * messages) / (cuts + 1));
    await until(`${String(due)} messages are stored`, () => stored >= due, BOUND_MS);
    for (const [index, { link }] of sides.entries()) if (cut % 3 === 0 || cut % 2 === index) link.cut();
  }
  await within('all are stored', sending, BOUND_MS);
  const log = await here.log(id, pair.ada);
  assert.deepEqual(
    log.map(({ seq }) => seq),
    range(messages + 1),
  );
  assert.equal(new Set(log.map(({ clientMessageId }) => clientMessageId)).size, messages + 1);
  for (const { handle, watcher, userId } of sides) {
    await hasStored(handle, messages + 1);
    const { messages: shown, status } = handle.get();
    assert.equal(shown.length, messages + 1, 'none is waiting or has failed');
    assert.equal(status, 'live');
    assert.deepEqual(storedIn(handle), log);
    assert.deepEqual(watcher.faults, []);
    const own = log.filter(({ senderId, seq }) => senderId === userId && seq > 1).map(({ content }) => content);
    assert.deepEqual(own, range(messages / 2).map(String), 'in the order in which they were sent');
  }
  return {
    reconnects: sides.reduce((total, side) => total + side.reconnects(), 0),
    states: sides.reduce((total, side) => total + side.watcher.states, 0),
    ms: Date.now() - begunAt,
  };
}

async function sendAll(
  handle: ConversationHandle,
  userId: string,
  count: number,
  stored: (message: Message) => void,
): Promise<void> {
  const ahead: Promise<void>[] = [];
  for (const number of range(count)) {
    ahead.push(handle.send(String(number), { clientMessageId: `${userId}-${String(number)}` }).then(stored));
    if (ahead.length >= AHEAD) await ahead.shift();
  }
  await Promise.all(ahead);
}
