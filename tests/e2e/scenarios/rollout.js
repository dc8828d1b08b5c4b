// Gateways are replaced one after the other, as Kubernetes does it: a new one is ready first; the old one's end is decided, and the front
// hears of it late; preStop waits, and then the old one is asked to end. Clients keep coming all the while.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { Front } from '../lib/front.js';
import { ask } from '../lib/host.js';
import { health } from '../lib/http.js';
import { BOUND_MS, within } from '../lib/recorder.js';
import { begin, check, done, gateways, putContract, range, scenario, tokens, transports } from '../lib/scenario.js';
import { SocketClient } from '../lib/socket.js';

const OLD = 3;
const EVERY_MS = 150;
const RECONNECT_MS = 1_000;
/** How late the front hears, and how long preStop waits: longer, as it should; or too short, and the front passes on what is refused. */
const ENDS = [
  { lateMs: 2_500, preStopMs: 3_000 },
  { lateMs: 2_500, preStopMs: 3_000 },
  { lateMs: 3_000, preStopMs: 2_000 },
];

/** A client that tells how each of its attempts to connect went. */
function connect(front, name, user, transport) {
  const client = new SocketClient(name, front.url, tokens[user], { ...transports[transport], reconnectionDelay: RECONNECT_MS });
  client.refusals = [];
  client.socket.on('connect_error', (error) => client.refusals.push(error.message));
  return client;
}

/** Does something again and again until told to stop; returns what it returned. */
function keep(act) {
  let isOver = false;
  const run = async () => {
    const results = [];
    while (!isOver) {
      results.push(await act(results.length));
      await pause(EVERY_MS);
    }
    return results;
  };
  const running = run();
  return () => {
    isOver = true;
    return running;
  };
}

/** Sends a message and returns its ack. Where the connection ends before that comes, it is asked again what became of it, as clients do. */
async function say(client, message) {
  for (const _attempt of range(0, OLD)) {
    const acked = done(client, 'send_message', message);
    acked.catch(() => {});
    let lost;
    const cut = new Promise((resolve) => {
      lost = () => resolve();
      client.socket.once('disconnect', lost);
    });
    const ack = await Promise.race([acked, cut]);
    client.socket.off('disconnect', lost);
    if (ack) return ack;
    await client.connected();
  }
  throw new Error(`${client.name} has no ack after ${OLD} cuts`);
}

/** Waits until a gateway says that it ends or, as one that nobody is connected to ends at once, is gone. */
async function isNotReady(place) {
  while ((await health(gateways[place], 'ready').catch(() => 0)) === 200) await pause(20);
}

/** Replaces an old gateway by a new one; returns how many requests the old one had when its end was decided, but not heard of. */
async function replace(front, place, { lateMs, preStopMs }) {
  const remaining = range(place + 1, OLD - 1);
  const fresh = range(OLD, OLD + place);
  front.use([place, ...remaining, ...fresh]);
  const before = front.turns[place];
  const hears = pause(lateMs).then(() => front.use([...remaining, ...fresh]));
  await pause(preStopMs);
  await ask(`end gateway ${place}`);
  await within(BOUND_MS, `gateway ${place} is not ready`, isNotReady(place));
  await hears;
  const late = front.turns[place] - before;
  await ask(`see the end of gateway ${place}`);
  assert.equal(front.turns[place] - before, late, 'nothing came to it any more');
  return late;
}

scenario(async () => {
  await putContract();
  const conversationId = await begin();
  const front = await Front.open(gateways);
  front.use(range(0, OLD - 1));
  const clients = range(1, 12).map((number) => connect(front, `ben ${number}`, 'ben', Object.keys(transports)[number % 3]));
  const sender = connect(front, 'ada', 'ada', 'websocket');
  const joined = await Promise.all([...clients, sender].map((client) => done(client, 'join_conversation', { conversationId })));
  const first = joined.map(({ conversation }) => conversation.lastSeq + 1);

  const stopTalking = keep((number) => say(sender, { conversationId, content: `Number ${number}`, clientMessageId: `rollout-${number}` }));
  const stopComing = keep(async (number) => {
    const began = Date.now();
    const client = connect(front, `newcomer ${number}`, 'ben', Object.keys(transports)[number % 3]);
    await client.event('connected');
    const ms = Date.now() - began;
    await done(client, 'join_conversation', { conversationId });
    client.close();
    return { ms, refusals: client.refusals };
  });

  await check('the front sends people to each old gateway after its end was decided', async () => {
    for (const [place, end] of ENDS.entries()) {
      const late = await replace(front, place, end);
      assert.ok(late > 0, `gateway ${place}`);
    }
  });
  // Who was closed last is still on his way.
  await Promise.all([...clients, sender].map((client) => client.connected()));
  const newcomers = await stopComing();
  const acks = await stopTalking();
  await check('no newcomer is refused', () => {
    const refused = newcomers.flatMap(({ refusals }) => refusals);
    const slowest = Math.max(...newcomers.map(({ ms }) => ms));
    console.log(`${newcomers.length} newcomers, the slowest after ${slowest} ms; ${acks.length} messages`);
    assert.ok(newcomers.length > 20, 'they kept coming');
    assert.deepEqual(refused, []);
  });
  await check('each client lost its gateway, came back at its first attempt, and went on where it was', () => {
    for (const { name, disconnects, refusals, socket } of [...clients, sender]) {
      assert.ok(disconnects.length >= 1 && disconnects.length <= OLD, `${name}: ${disconnects}`);
      assert.deepEqual(refusals, [], name);
      assert.equal(socket.recovered, true, name);
    }
  });
  await check('each of them sees each message once, in order', async () => {
    const last = Math.max(...acks.map(({ message }) => message.seq));
    assert.equal(new Set(acks.map(({ message }) => message.seq)).size, acks.length);
    for (const [index, client] of [...clients, sender].entries()) {
      await client.message(last);
      assert.deepEqual(client.seqs(), range(first[index], last), client.name);
      assert.equal(client.all('connected').length, 1, client.name);
    }
  });
  for (const client of [...clients, sender]) client.close();
  front.close();
});
