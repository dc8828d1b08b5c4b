// NATS is gone for a while: once with what it had kept, once without.

import assert from 'node:assert/strict';

import { ask } from '../lib/host.js';
import { history } from '../lib/history.js';
import { expect } from '../lib/rest.js';
import { begin, check, connect, done, putContract, range, rest, scenario } from '../lib/scenario.js';

const HEALED_MS = 5_000;

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const path = `/api/messages/conversations/${conversationId}/messages`;
  const places = [['ada', 0, 'default'], ['ada', 1, 'plain'], ['ben', 1, 'default'], ['ben', 0, 'polling']];
  const clients = await Promise.all(places.map((place) => connect(...place)));
  for (const client of clients) await done(client, 'join_conversation', { conversationId });
  const [ada] = clients;
  const send = async (index) =>
    expect(await rest(index % 2 === 0 ? 'ada' : 'ben', index % 2).post(path, { content: `Number ${index}` }), 201, 'message');

  await done(ada, 'send_message', { conversationId, content: 'Before' });
  await ask('stop nats');
  await check('sends over sockets are refused as unavailable', async () => {
    const acks = await Promise.all(clients.map((client) =>
      client.emit('send_message', { conversationId, content: 'Refused', clientMessageId: 'refused' })));
    assert.deepEqual(acks.map(({ error }) => error?.code), clients.map(() => 'unavailable'));
  });
  await check('sends over REST are stored and acked, though nobody can be told', async () => {
    const stored = await Promise.all(range(1, 20).map(send));
    assert.deepEqual(stored.map(({ seq }) => seq).sort((a, b) => a - b), range(3, 22));
  });
  await check('the sockets stay', () => {
    for (const client of clients) assert.deepEqual([client.disconnects ?? [], client.seqs()], [[], [2]]);
  });
  await ask('start nats');
  await check('once it is back, everyone has been told of everything within 5 s', () => told(clients, 22));
  await check('sends over sockets work again, and what was refused had not been stored', () => sendAgain(clients, conversationId, 23));

  await ask('stop nats');
  const more = await send(21);
  await ask('start nats');
  await check('the sender that sends nothing more is heard, too', () => told(clients, more.seq));

  await ask('restart nats empty');
  await check('a NATS that has forgotten everything does no harm', async () => {
    const { seq } = await send(22);
    await told(clients, seq);
    await sendAgain(clients, conversationId, seq + 1);
  });
  await check('everyone saw everything in order, once', async () => {
    const expected = (await history('ben', conversationId, 1)).slice(1);
    for (const client of clients) {
      await client.message(expected.at(-1).seq);
      assert.deepEqual(client.all('new_message'), expected, client.name);
      assert.deepEqual([client.disconnects ?? [], client.all('connected').length], [[], 1]);
    }
  });
});

async function told(clients, last) {
  for (const client of clients) await client.message(last, HEALED_MS);
}

/** Sends until the gateways have found their way back, which they must within the bound. */
async function sendAgain(clients, conversationId, seq) {
  const until = Date.now() + HEALED_MS;
  for (const [index, client] of clients.entries()) {
    const draft = { conversationId, content: 'Once more', clientMessageId: `again-${seq + index}` };
    let ack = await client.emit('send_message', draft);
    while (!ack.ok) {
      assert.equal(ack.error.code, 'unavailable');
      assert.ok(Date.now() < until, `${client.name} still cannot send`);
      ack = await client.emit('send_message', draft);
    }
    assert.equal(ack.message.seq, seq + index);
  }
}
