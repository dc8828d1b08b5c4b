// The frame of a scenario: what it finds, and how it tells of its checks.

import { PlainClient } from './plain.js';
import { Rest, expect } from './rest.js';
import { SocketClient } from './socket.js';

const list = (variable) => (process.env[variable] ?? '').split(',').filter(Boolean);

export const apis = list('API_URLS');
export const gateways = list('GATEWAY_URLS');
export const tokens = JSON.parse(process.env.TOKENS ?? '{}');

const open = [];

/** Runs one check, and tells of it in a line. */
export async function check(sentence, body) {
  try {
    const result = await body();
    console.log(`ok: ${sentence}`);
    return result;
  } catch (error) {
    console.log(`FAILED: ${sentence}`);
    throw error;
  }
}

/** Runs a scenario to its end, which is that of the process. */
export async function scenario(body) {
  const fail = (error) => {
    console.log(error?.stack ?? error);
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  try {
    await body();
  } catch (error) {
    fail(error);
  }
  for (const client of open) client.close();
  process.exit(0);
}

export function rest(user, api = 0) {
  return new Rest(apis[api], tokens[user]);
}

/** Puts the contract of ada, the client, and ben, the freelancer. */
export async function putContract(id = 'c-1', more = {}) {
  const body = { clientId: 'ada', freelancerId: 'ben', ...more };
  return expect(await rest('host').put(`/api/contracts/${id}`, body), 201, 'contract');
}

/** Options of `io` for the transports that a scenario is run with. */
export const transports = {
  default: {},
  websocket: { transports: ['websocket'] },
  polling: { transports: ['polling'], upgrade: false },
};

/** A connection that has been told `connected`; `transport` may also be `plain`. */
export async function connect(user, gateway, transport = 'default') {
  const name = `${user} on gateway ${gateway}`;
  const client = transport === 'plain'
    ? await PlainClient.open(name, gateways[gateway], tokens[user])
    : await SocketClient.open(name, gateways[gateway], tokens[user], transports[transport]);
  open.push(client);
  return client;
}

/** Emits and fails unless the ack says ok; returns the ack. */
export async function done(client, event, data, ms) {
  const ack = await client.emit(event, data, ms);
  if (ack.ok !== true) throw new Error(`${client.name}: ${event} was refused: ${JSON.stringify(ack)}`);
  return ack;
}

/** A conversation with its first message, by ada; returns its id. */
export async function begin(contractId = 'c-1') {
  const sent = await rest('ada').post('/api/messages', { contractId, content: 'The first message' });
  return expect(sent, 201, 'message').conversationId;
}

/** The numbers from one to another. */
export function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
