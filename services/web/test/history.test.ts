// A conversation that is longer than a screen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, world } from './support/inbox.js';
import type { Pair, Person } from './support/inbox.js';

const MESSAGES = 500;

/** What may move on the screen while pages are added above it. */
const SHIFT_PX_MAX = 3;

let pair: Pair;
let id: string;

const here = world(async (made) => {
  ({ pair, id } = await made.conversation('The first of all, with a walrus'));
  const texts = Array.from({ length: MESSAGES - 1 }, (_, index) => textOf(index));
  await made.post(id, pair.ben, texts);
});

/** Texts of one to four lines. */
function textOf(index: number): string {
  return `Message ${String(index)} ${'and some more words '.repeat((index * 7) % 23)}`;
}

function rows({ page }: Person): Promise<number> {
  return page.locator('[data-message]').count();
}

/** Scrolls to near the beginning of what is loaded, and says how far a message moved while the page before it came. */
async function shiftOfOnePage({ page }: Person): Promise<number> {
  return page.evaluate(async () => {
    const scroller = document.querySelector<HTMLElement>('.log-scroller');
    if (scroller === null) throw new Error('there is no thread');
    // After a frame was painted: within its callbacks the page has not been laid out for it yet.
    const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const count = (): number => scroller.querySelectorAll('[data-message]').length;
    const edge = scroller.getBoundingClientRect().top;
    // Not so far that the next page is asked for: what is near the screen is laid out first, and no page is on its way.
    scroller.scrollTop = 1_200;
    for (let frames = 0; frames < 2; frames += 1) await frame();
    while (document.body.innerText.includes('Loading earlier')) await frame();
    const before = count();
    scroller.scrollTop = 600;
    const anchor = [...scroller.querySelectorAll('[data-message]')].find((row) => row.getBoundingClientRect().top >= edge);
    if (anchor === undefined) throw new Error('there is no message on the screen');
    const top = anchor.getBoundingClientRect().top;
    const endsAt = performance.now() + 15_000;
    let shift = 0;
    for (let after = 0; after < 6;) {
      await frame();
      shift = Math.max(shift, Math.abs(anchor.getBoundingClientRect().top - top));
      if (count() > before || document.body.innerText.includes('beginning of the conversation')) after += 1;
      if (performance.now() > endsAt) throw new Error('no page came');
    }
    return shift;
  });
}

test('the whole history comes page by page, and nothing moves', async () => {
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.sees(textOf(MESSAGES - 2).trim());
  // Unread messages are all of the newest page, and more.
  await ada.page.getByRole('button', { name: 'To the first unread message' }).waitFor();
  const shifts: number[] = [];
  for (let pages = 0; pages < MESSAGES / 50 && (await rows(ada)) < MESSAGES; pages += 1) shifts.push(await shiftOfOnePage(ada));
  assert.equal(await rows(ada), MESSAGES);
  await ada.page.getByText('This is the beginning of the conversation.').waitFor();
  assert.ok(
    shifts.every((shift) => shift <= SHIFT_PX_MAX),
    `a message moved by ${shifts.map((shift) => shift.toFixed(1)).join(', ')} px`,
  );
});

test('a search finds the first message, and goes there', async () => {
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.page.getByRole('button', { name: 'Search in this conversation' }).click();
  const field = ada.page.getByRole('searchbox');
  await field.fill('WALRUS');
  await field.press('Enter');
  await ada.sees('1 message');
  await ada.page
    .getByRole('listitem')
    .getByRole('button', { name: /walrus/ })
    .click();
  const hit = ada.message('The first of all');
  await ada.page.waitForFunction(() => document.activeElement?.textContent.includes('walrus'));
  await until('it is on the screen', () => isInSight(ada, 'The first of all'));
  assert.equal(await hit.count(), 1);
  await field.fill('nowhere');
  await field.press('Enter');
  await ada.sees('Nothing found for “nowhere”');
  await ada.page.keyboard.press('Escape');
  await field.waitFor({ state: 'detached' });
  await ada.page.getByRole('button', { name: /^To the latest message/ }).click();
  await until('the end is on the screen', () => isAtEnd(ada));
});

async function isInSight({ page }: Person, text: string): Promise<boolean> {
  const [row, log] = [
    await page.locator('[data-message]', { hasText: text }).boundingBox(),
    await page.locator('.log-scroller').boundingBox(),
  ];
  return row !== null && log !== null && row.y >= log.y && row.y + row.height <= log.y + log.height;
}

function isAtEnd({ page }: Person): Promise<boolean> {
  return page.locator('.log-scroller').evaluate((log) => log.scrollHeight - log.clientHeight - log.scrollTop < 2);
}

test('who reads above is not moved by what comes, and reads it when he goes there', async () => {
  const { pair: two, id: other } = await here.conversation('Begin');
  await here.post(
    other,
    two.ada,
    Array.from({ length: 40 }, (_, index) => textOf(index)),
  );
  const [ada, ben] = await here.both(two, other);
  await until('ada is at the end', () => isAtEnd(ada));
  await ben.sees('New messages');
  assert.ok(await isInSight(ben, 'Begin'), 'ben begins where he has not read');

  const log = ada.page.locator('.log-scroller');
  await log.evaluate((element) => (element.scrollTop = 300));
  await ada.page.getByRole('button', { name: 'To the latest message' }).waitFor();
  const before = await log.evaluate((element) => element.scrollTop);
  await ben.page.getByRole('button', { name: /^To the latest message/ }).click();
  await ben.send('Something new');
  await ada.page.getByRole('button', { name: 'To the latest message, 1 unread' }).waitFor();
  assert.equal(await log.evaluate((element) => element.scrollTop), before);
  await ben.delivered('Something new', 'sent');
  await ada.hasTitle('(1) Messages');

  await ada.page.getByRole('button', { name: 'To the latest message, 1 unread' }).click();
  await ben.delivered('Something new', 'read');
  await ada.page.locator('.unread-mark').waitFor();
  await ada.hasTitle('Messages');
});

test('what comes to a page that is not looked at stays unread', async () => {
  const { pair: two, id: other } = await here.conversation('Begin');
  const [ada, ben] = await here.both(two, other);
  await ada.message('Begin').waitFor();
  await look(ada, 'hidden');
  await ben.send('Are you there?');
  await ada.message('Are you there?').waitFor();
  await ada.hasTitle('(1) Messages');
  await ben.delivered('Are you there?', 'sent');
  await look(ada, 'visible');
  await ben.delivered('Are you there?', 'read');
  await ada.hasTitle('Messages');
});

/** Lets a page believe that it can be seen, or cannot: a headless browser shows all of them. */
async function look({ page }: Person, state: 'visible' | 'hidden'): Promise<void> {
  await page.evaluate((visibilityState) => {
    Object.defineProperty(document, 'visibilityState', { value: visibilityState, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}
