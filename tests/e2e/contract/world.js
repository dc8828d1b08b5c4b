// What a case finds: users and a contract of its own on the cluster of its group.

import assert from 'node:assert/strict';

import { PlainClient } from '../lib/plain.js';
import { Rest, expect } from '../lib/rest.js';
import { apis, gateways, transports } from '../lib/scenario.js';
import { SocketClient } from '../lib/socket.js';
import { inSeconds, sign } from './tokens.js';

export { apis, gateways } from '../lib/scenario.js';
export { expect, expectProblem } from '../lib/rest.js';
export { range } from '../lib/scenario.js';

/** A well-formed id that nothing has. */
export const NOBODYS_ID = '0123456789abcdef01234567';

const ROLES = { ada: 'client', ben: 'freelancer', cleo: 'client', host: 'service', root: 'admin' };

/** The connections of a user whose name is not among these have no role. */
export class World {
  /** `key` is what the ids of this case end in, `dialect` what it connects by. */
  constructor(key, dialect = 'default') {
    Object.assign(this, { key, dialect, turn: { api: 0, gateway: 0 }, clients: [] });
    for (const name of Object.keys(ROLES)) this[name] = `${name}-${key}`;
    this.contractId = `c-${key}`;
  }

  /** A token of a user, for an hour unless the claims say otherwise. */
  token(user, claims = {}) {
    return sign({ sub: user, exp: inSeconds(3_600), role: ROLES[user.split('-')[0]], ...claims });
  }

  /** REST as a user, at the replicas in turn. */
  rest(user, api = this.next('api', apis)) {
    return new Rest(apis[api], this.token(user));
  }

  next(service, urls) {
    this.turn[service] += 1;
    return this.turn[service] % urls.length;
  }

  /** Puts a contract of ada and ben. */
  async contract(more = {}, id = this.contractId) {
    const body = { clientId: this.ada, freelancerId: this.ben, ...more };
    const answer = await this.rest(this.host).put(`/api/contracts/${id}`, body);
    return expect(answer, 201, 'contract');
  }

  /** A conversation with its first message, by ada. */
  async begin(more = {}, id = this.contractId) {
    await this.contract(more, id);
    const answer = await this.rest(this.ada).post('/api/messages', { contractId: id, content: 'The first message' });
    const first = expect(answer, 201, 'message');
    const { conversationId } = first;
    return { contractId: id, conversationId, first, path: `/api/messages/conversations/${conversationId}` };
  }

  /** Sends by REST. */
  async say(user, { path }, content, more = {}) {
    return expect(await this.rest(user).post(`${path}/messages`, { content, ...more }), 201, 'message');
  }

  /** The conversation as a user sees it. */
  async see(user, { path }) {
    return expect(await this.rest(user).get(path), 200, 'conversation');
  }

  /** A connection that has been told `connected`, at the gateways in turn. */
  async connect(user, { dialect = this.dialect, gateway = this.next('gateway', gateways), token = this.token(user), ...options } = {}) {
    const name = `${user} on gateway ${gateway} (${dialect})`;
    const client = dialect === 'plain'
      ? new PlainClient(name, gateways[gateway], { headers: { authorization: `Bearer ${token}` } })
      : new SocketClient(name, gateways[gateway], token, { ...transports[dialect], ...options });
    this.clients.push(client);
    if (client.opened !== undefined) await client.opened;
    client.hello = await client.event('connected');
    return client;
  }

  /** A connection that has joined. */
  async joined(user, { conversationId }, options) {
    const client = await this.connect(user, options);
    await done(client, 'join_conversation', { conversationId });
    return client;
  }

  close() {
    for (const client of this.clients) client.close();
  }
}

/** Emits, and fails unless the ack says ok; returns the ack. */
export async function done(client, event, data) {
  const ack = await client.emit(event, data);
  assert.equal(ack.ok, true, `${client.name}: ${event} ${JSON.stringify(data)}: ${JSON.stringify(ack)}`);
  return ack;
}

/** Emits, and fails unless the ack has this code; returns its error. */
export async function refused(client, event, data, code) {
  const ack = await client.emit(event, data);
  assert.deepEqual([ack.ok, ack.error?.code], [false, code], `${event} ${JSON.stringify(data)}: ${JSON.stringify(ack)}`);
  return ack.error;
}

/** Emits without an ack, and waits for the exception that answers it. */
export async function excepted(client, event, data, code) {
  const before = client.all('exception').length;
  client.tell(event, data);
  await client.until(`exception of ${event}`, () => client.all('exception').length > before);
  const exception = client.all('exception')[before];
  assert.deepEqual([exception.event, exception.code], [event, code], JSON.stringify(exception));
  return exception;
}

/** Whether the connection has never been cut. */
export function assertUnbroken(client) {
  assert.deepEqual([client.disconnects ?? [], client.all('connected').length], [[], 1], client.name);
}
