// Many unmodified clients at once through a front without sticky sessions: they connect, move to a WebSocket or not, and come back.

import assert from 'node:assert/strict';

import { Front } from '../lib/front.js';
import { BOUND_MS, within } from '../lib/recorder.js';
import { expect } from '../lib/rest.js';
import { begin, check, done, gateways, putContract, range, rest, scenario, tokens, transports } from '../lib/scenario.js';
import { SocketClient } from '../lib/socket.js';

const CLIENTS = 20;

const connect = (front, name, user, transport) => new SocketClient(name, front.url, tokens[user], { ...transports[transport], reconnectionDelay: 50 });

/** Waits until a client has moved to a WebSocket. */
function moved({ name, socket }) {
  const { engine } = socket.io;
  const isThere = new Promise((resolve) => (engine.transport.name === 'websocket' ? resolve() : engine.once('upgrade', resolve)));
  return within(BOUND_MS, `${name} has moved`, isThere);
}

/** Sends messages as ada, one after the other, until told to stop; returns the last `seq`. */
function talk(conversationId) {
  let isOver = false;
  const run = async () => {
    let seq;
    while (!isOver) {
      const sent = await rest('ada').post(`/api/messages/conversations/${conversationId}/messages`, { content: 'Meanwhile' });
      seq = expect(sent, 201, 'message').seq;
    }
    return seq;
  };
  const running = run();
  return () => {
    isOver = true;
    return running;
  };
}

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const front = await Front.open(gateways);
  for (const transport of ['default', 'polling']) {
    const stop = talk(conversationId);
    const clients = range(1, CLIENTS).map((number) => connect(front, `ben ${number}`, 'ben', transport));
    const watching = range(1, 5).map((number) => connect(front, `watching ${number}`, 'ben', transport));
    let first;
    await check(`${CLIENTS} clients connect at once (${transport})`, async () => {
      const acks = await Promise.all(clients.map((client) => done(client, 'join_conversation', { conversationId })));
      first = acks.map(({ conversation }) => conversation.lastSeq + 1);
      await Promise.all(watching.map((client) => client.event('message_notification')));
      if (transport === 'default') await Promise.all([...clients, ...watching].map(moved));
      else for (const client of clients) assert.equal(client.transport, 'polling');
    });
    let last = await stop();
    const whole = async () => {
      for (const [index, client] of clients.entries()) {
        await client.message(last);
        assert.deepEqual(client.seqs(), range(first[index], last), client.name);
        assert.equal(client.all('connected').length, 1, client.name);
      }
    };
    await check(`each of them sees each message once, in order (${transport})`, whole);
    await check(`who has not joined is notified of each, once (${transport})`, async () => {
      for (const client of watching) {
        await client.event('message_notification', ({ seq }) => seq === last);
        const told = client.seqs('message_notification');
        assert.deepEqual(told.toSorted((one, other) => one - other), range(Math.min(...told), last), client.name);
      }
    });
    await check(`they all come back to any gateway, and go on where they were (${transport})`, async () => {
      const stopAgain = talk(conversationId);
      for (const round of range(1, 3)) {
        const lost = clients.map((client) => client.until('lost its connection', () => client.disconnects.length === round));
        front.cut();
        await Promise.all(lost);
        front.mend();
        await Promise.all(clients.map((client) => client.connected()));
        // A client that loses the WebSocket on trial when it has stopped polling for it waits for a ping that it missed, 45 s.
        if (transport === 'default') await Promise.all(clients.map(moved));
        for (const client of clients) assert.equal(client.socket.recovered, true, client.name);
      }
      last = await stopAgain();
      await whole();
    });
    for (const client of [...clients, ...watching]) client.close();
  }
  front.close();
});
