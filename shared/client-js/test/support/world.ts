// What the tests of one file share: a service, and clients that are closed after each test.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { MessagingClient } from '../../src/index.js';
import type { ClientOptions, ConversationHandle, HistoryPage, Message, ThreadMessage } from '../../src/index.js';
import { Link } from './link.js';
import { Service } from './service.js';
import { until, within } from './until.js';

/** Starts a service before the tests of a file and stops it after them. */
export function world(settings: Record<string, string> = {}): World {
  const made = new World();
  before(async () => {
    await made.start(settings);
  });
  afterEach(() => {
    made.clear();
  });
  after(() => made.stop());
  return made;
}

export class World {
  #service: Service | null = null;
  #clients: MessagingClient[] = [];
  #links: Link[] = [];

  get service(): Service {
    if (this.#service === null) throw new Error('the service is not started');
    return this.#service;
  }

  async start(settings: Record<string, string>): Promise<void> {
    this.#service = await Service.start(settings);
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
  }

  /** A client of a user, which is closed after the test. */
  client(userId: string, options: Partial<ClientOptions> = {}): MessagingClient {
    const client = new MessagingClient({
      url: this.service.url,
      token: () => this.service.token(userId),
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client that is connected. */
  async connected(userId: string, options: Partial<ClientOptions> = {}): Promise<MessagingClient> {
    const client = this.client(userId, options);
    await within(`${userId} is connected`, client.connect());
    return client;
  }

  /** A client behind a link of its own. */
  async behindLink(userId: string, options: Partial<ClientOptions> = {}): Promise<{ client: MessagingClient; link: Link }> {
    const link = await Link.to(this.service.url);
    this.#links.push(link);
    return { link, client: await this.connected(userId, { url: link.url, ...options }) };
  }

  /** The id of the conversation of a contract, which its first message makes. */
  async conversation(contractId: string, senderId: string, content = 'First'): Promise<string> {
    const message = await this.service.as<Message>(senderId, 'POST', '/api/messages', { contractId, content });
    return message.conversationId;
  }

  /** The whole log of a conversation, as it is stored. */
  async log(conversationId: string, userId: string): Promise<Message[]> {
    const all: Message[] = [];
    for (;;) {
      const path = `/api/messages/conversations/${conversationId}/messages?limit=100&after=${String(all.length)}`;
      const page = await this.service.as<HistoryPage>(userId, 'GET', path);
      all.push(...page.items);
      if (!page.hasMore) return all;
    }
  }

  /** Closes the clients and links of a test. */
  clear(): void {
    for (const client of this.#clients) client.close();
    for (const link of this.#links) link.close();
    this.#clients = [];
    this.#links = [];
  }
}

/** Opens a conversation, and waits until it is live. */
export async function live(client: MessagingClient, conversationId: string): Promise<ConversationHandle> {
  const handle = client.conversation(conversationId);
  handle.open();
  await until('the thread is live', () => handle.get().status === 'live');
  return handle;
}

/** Waits until a thread shows so many stored messages. */
export function hasStored(handle: ConversationHandle, count: number): Promise<void> {
  return until(`${String(count)} stored messages`, () => storedIn(handle).length === count);
}

/** The stored messages of a thread, as the service has them. */
export function storedIn(handle: ConversationHandle): Message[] {
  return handle
    .get()
    .messages.filter(isStored)
    .map(({ state: _, ...message }) => message);
}

function isStored(message: ThreadMessage): message is Extract<ThreadMessage, { state: 'sent' }> {
  return message.state === 'sent';
}

/** Waits until a client's connection is in some state. */
export function status(client: MessagingClient, wanted: string): Promise<void> {
  return until(`the connection is ${wanted}`, () => client.connection.get().status === wanted);
}

/** The one item of a list. */
export function only<T>(items: readonly T[]): T {
  assert.equal(items.length, 1);
  return items[0] as T;
}

/** 1, 2, 3 … as far as `last`. */
export function range(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
