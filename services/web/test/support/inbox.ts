// A real service that serves the built inbox, and people who look at it in a real browser.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, afterEach, before } from 'node:test';

import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

import type { Message } from '@freelancehub/messaging-client';
import { Service } from '../../../../shared/client-js/test/support/service.js';
import type { Pair } from '../../../../shared/client-js/test/support/service.js';
import { until } from '../../../../shared/client-js/test/support/until.js';

export { until };
export type { Pair };

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const WAIT_MS_MAX = 10_000;

/** Sizes of screens. */
export const DESKTOP = { width: 1200, height: 800 };
export const PHONE = { width: 390, height: 780 };

/** What the tests of one file share. */
export class World {
  #service: Service | null = null;
  #browser: Browser | null = null;
  readonly #people: Person[] = [];

  get service(): Service {
    assert.ok(this.#service !== null, 'the service is not started');
    return this.#service;
  }

  async start(): Promise<void> {
    assert.ok(
      existsSync(CHROMIUM),
      `there is no browser at ${CHROMIUM}: install Debian's chromium, or name another one by CHROMIUM`,
    );
    this.#browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    // Pages from elsewhere are refused here, so it is shown that the inbox needs not be listed.
    const inbox = { CORS_ORIGINS: 'https://elsewhere.example', DEMO: '1', WEB_DIR: resolve('dist'), PRESENCE_GRACE_MS: '400' };
    this.#service = await Service.start(inbox);
    await until('the demo is there', async () => (await fetch(`${this.service.url}/demo.json`)).ok);
  }

  /** Somebody with a window of his own, who is not signed in. */
  async person(options: BrowserContextOptions = {}): Promise<Person> {
    assert.ok(this.#browser !== null, 'the browser is not started');
    const context = await this.#browser.newContext({ viewport: DESKTOP, locale: 'en-GB', ...options });
    context.setDefaultTimeout(WAIT_MS_MAX);
    return this.#welcome(await context.newPage());
  }

  /** Another window of somebody's browser. */
  async personBeside({ page }: Person): Promise<Person> {
    return this.#welcome(await page.context().newPage());
  }

  #welcome(page: Page): Person {
    const person = new Person(page, this.service);
    this.#people.push(person);
    return person;
  }

  /** Somebody who is signed in, and looks at a view. */
  async signedIn(userId: string, path = '/', options: BrowserContextOptions = {}): Promise<Person> {
    const person = await this.person(options);
    await person.open(path);
    await person.signIn(this.service.token(userId));
    return person;
  }

  /** Both of a pair, who look at their conversation. */
  both({ ada, ben }: Pair, conversationId: string): Promise<[Person, Person]> {
    const path = `/c/${conversationId}`;
    return Promise.all([this.signedIn(ada, path), this.signedIn(ben, path)]);
  }

  /** Stores messages of a user, as many at a time as the service takes. */
  async post(conversationId: string, userId: string, contents: string[]): Promise<void> {
    const path = `/api/messages/conversations/${conversationId}/messages`;
    const left = [...contents];
    const sender = async (): Promise<void> => {
      for (let content = left.shift(); content !== undefined; content = left.shift()) {
        await this.service.as<Message>(userId, 'POST', path, { content });
      }
    };
    await Promise.all(Array.from({ length: 25 }, sender));
  }

  /** A conversation of a new pair, begun by the first of them. */
  async conversation(content = 'First', milestones: string[] = []): Promise<{ pair: Pair; id: string }> {
    const pair = await this.service.pair({ milestones, title: 'A garden house' });
    const body = { contractId: pair.contractId, content };
    const message = await this.service.as<Message>(pair.ada, 'POST', '/api/messages', body);
    return { pair, id: message.conversationId };
  }

  /** Makes void what tokens a user has; those that are made afterwards hold. */
  async revoke(userId: string): Promise<void> {
    const { before } = await this.service.revoke(userId);
    const revokedIn = Math.floor(Date.parse(before) / 1_000);
    await until('the next second has begun', () => Math.floor(Date.now() / 1_000) > revokedIn);
  }

  async clear(): Promise<void> {
    const people = this.#people.splice(0);
    for (const { page } of people) await page.context().close();
    for (const { faults } of people) assert.deepEqual(faults, [], 'nothing went wrong on the page');
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await this.#service?.stop();
  }
}

/** Starts a service and a browser before the tests of a file, prepares what they share, and stops them after them. */
export function world(prepare: (made: World) => Promise<void> = () => Promise.resolve()): World {
  const made = new World();
  before(async () => {
    await made.start();
    await prepare(made);
  });
  afterEach(() => made.clear());
  after(() => made.stop());
  return made;
}

/** Somebody who uses the inbox. */
export class Person {
  /** What the page threw, and what its security policy forbade it. */
  readonly faults: string[] = [];

  constructor(
    readonly page: Page,
    readonly service: Service,
  ) {
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) this.faults.push(message.text());
    });
  }

  async open(path = '/'): Promise<void> {
    await this.page.goto(`${this.service.url}${path}`);
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel(/access token/i).fill(token);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  /** Waits until the browser asks before the page is left, and stays. */
  async isAskedToStay(): Promise<void> {
    const asked = this.page.waitForEvent('dialog');
    await this.page.evaluate(() => setTimeout(() => location.reload()));
    const dialog = await asked;
    assert.equal(dialog.type(), 'beforeunload');
    await dialog.dismiss();
  }

  async signOut(): Promise<void> {
    await this.page.getByRole('button', { name: /^Account of/ }).click();
    await this.page.getByRole('menuitem', { name: 'Sign out' }).click();
  }

  /** Waits until there is nobody signed in. */
  async isSignedOut(): Promise<void> {
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  }

  get input(): Locator {
    return this.page.getByLabel('Message', { exact: true });
  }

  get banner(): Locator {
    return this.page.getByText('No connection.');
  }

  async send(text: string): Promise<void> {
    await this.input.fill(text);
    await this.input.press('Enter');
  }

  /** The row of a message, by its text. */
  message(text: string): Locator {
    return this.page.locator('[data-message]', { hasText: text });
  }

  /** Waits until a message of one's own has come so far. */
  async delivered(text: string, delivery: string): Promise<void> {
    await this.message(text).locator(`[data-delivery="${delivery}"]`).waitFor();
  }

  async sees(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** Waits until the title of the window is this one. */
  async hasTitle(title: string): Promise<void> {
    await this.page.waitForFunction((wanted) => document.title === wanted, title);
  }
}
