// The inbox for those who use it without a mouse, without seeing it, or on a phone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import type axe from 'axe-core';

import { PHONE, until, world } from './support/inbox.js';
import type { Person } from './support/inbox.js';

const here = world();
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Fails where axe finds anything serious or critical. */
async function isAccessible(person: Person, what: string): Promise<void> {
  await person.page.evaluate(await readFile(AXE, 'utf8'));
  const violations = await person.page.evaluate(async () => {
    // Colours that are just fading in are none of the page's.
    const isEndless = ({ effect }: Animation): boolean => effect?.getComputedTiming().iterations === Infinity;
    const passing = document.getAnimations().filter((animation) => !isEndless(animation));
    await Promise.all(passing.map(({ finished }) => finished));
    const { violations: found } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document);
    return found
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`).join('\n')}`);
  });
  assert.deepEqual(violations, [], what);
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing serious, ${colorScheme}`, async () => {
    const { pair, id } = await here.conversation('See https://example.com', ['roof']);
    await here.post(id, pair.ben, ['An answer', 'And another one']);
    const ada = await here.person({ colorScheme });
    await ada.open();
    await ada.page.getByRole('button', { name: /Demo client/ }).waitFor();
    await isAccessible(ada, 'sign-in');
    await ada.signIn('nothing');
    await ada.sees('This is not a token.');
    await isAccessible(ada, 'sign-in with a notice');
    await ada.signIn(here.service.token(pair.ada));
    await ada.page.locator('.row .badge').waitFor();
    await isAccessible(ada, 'list');
    await ada.page.getByRole('button', { name: 'New conversation' }).first().click();
    await ada.page.getByRole('dialog').getByRole('button', { name: 'A garden house' }).click();
    await ada.page.getByRole('link', { name: /Milestone roof/ }).waitFor();
    await isAccessible(ada, 'new conversation');
    await ada.page.keyboard.press('Escape');
    await ada.page.locator('.row').click();
    await ada.message('And another one').waitFor();
    await ada.page.getByRole('button', { name: 'Search in this conversation' }).click();
    await ada.page.getByRole('searchbox').fill('answer');
    await ada.page.keyboard.press('Enter');
    await ada.sees('1 message');
    await isAccessible(ada, 'thread with a search');
  });
}

test('the colours can be chosen, and stay', async () => {
  const { pair } = await here.conversation();
  const ada = await here.signedIn(pair.ada, '/', { colorScheme: 'light' });
  const background = () => ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await ada.page.locator('.row').waitFor();
  const light = await background();
  await ada.page.getByRole('button', { name: /^Account of/ }).click();
  await ada.page.getByRole('menuitemradio', { name: 'Dark' }).click();
  const dark = await background();
  assert.notEqual(dark, light);
  await ada.page.reload();
  await ada.page.locator('.row').waitFor();
  assert.equal(await background(), dark);
});

test('all can be done by keys', async () => {
  const { pair } = await here.conversation('Older', ['roof']);
  await here.service.as(pair.ada, 'POST', '/api/messages', { contractId: pair.contractId, milestoneId: 'roof', content: 'Newer' });
  const ada = await here.signedIn(pair.ada);
  const { keyboard } = ada.page;
  const active = (selector: string) => ada.page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector);
  await ada.page.locator('.row').nth(1).waitFor();
  await ada.page.locator('.row').first().focus();
  await keyboard.press('ArrowDown');
  await active('li:last-child > .row');
  await keyboard.press('Home');
  await active('li:first-child > .row');
  await keyboard.press('End');
  await keyboard.press('Enter');
  await ada.message('Older').waitFor();
  await active('textarea');
  await keyboard.type('One');
  await keyboard.press('Shift+Enter');
  await keyboard.type('two');
  await keyboard.press('Enter');
  await ada.message('One').waitFor();
  assert.equal(await ada.message('One').locator('.text').innerText(), 'One\ntwo');
  // From the field back to the messages, and to what can be done with the last one.
  await ada.page.locator('.log-scroller').focus();
  await keyboard.press('ArrowUp');
  await active('[data-message]:last-child');
  await keyboard.press('ArrowUp');
  await active('[data-message]:nth-last-child(2)');
  await keyboard.press('Enter');
  await ada.page.getByRole('menuitem', { name: 'Edit' }).waitFor();
  await keyboard.press('Escape');
  await ada.page.getByRole('menuitem', { name: 'Edit' }).waitFor({ state: 'detached' });
  // The menu gives the focus back a moment after it is gone.
  await active('.actions');
  await keyboard.press('Escape');
  await active('.row');
  assert.equal(new URL(ada.page.url()).pathname, '/');
});

test('the skip link leads past the list', async () => {
  const { pair } = await here.conversation();
  const ada = await here.signedIn(pair.ada);
  await ada.page.locator('.row').waitFor();
  await ada.page.getByRole('link', { name: 'Skip to the conversation' }).focus();
  await ada.page.keyboard.press('Enter');
  await ada.page.waitForFunction(() => document.activeElement?.id === 'thread');
});

test('a phone shows the list or a conversation', async () => {
  const { pair, id } = await here.conversation();
  const ada = await here.signedIn(pair.ada, '/', { viewport: PHONE, hasTouch: true, isMobile: true });
  const list = ada.page.getByRole('navigation', { name: 'Conversations' });
  const row = list.locator(`[data-conversation="${id}"]`);
  await row.tap();
  await ada.message('First').waitFor();
  await list.waitFor({ state: 'hidden' });
  await ada.send('From a phone');
  await ada.message('From a phone').waitFor();
  const width = await ada.page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, PHONE.width, 'nothing is wider than the screen');
  await isAccessible(ada, 'thread on a phone');
  await ada.page.getByRole('link', { name: 'Back to the list' }).tap();
  await row.waitFor();
  await until('the thread is gone', async () => (await ada.page.locator('.thread').count()) === 0);
  await ada.page.goBack();
  await ada.message('From a phone').waitFor();
});
