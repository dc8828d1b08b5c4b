// The first message of a conversation.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { HistoryPage } from '@freelancehub/messaging-client';
import { until, world } from './support/inbox.js';
import type { Pair, Person } from './support/inbox.js';

const here = world();

/** Somebody who has chosen what to write about, from the list. */
async function begun({ ada, contractId }: Pair): Promise<Person> {
  const person = await here.signedIn(ada);
  await person.page.getByRole('button', { name: 'New conversation' }).first().click();
  await person.page.getByLabel('Contract', { exact: true }).fill(contractId);
  await person.page.keyboard.press('Enter');
  await person.page.getByRole('link', { name: /General/ }).click();
  await person.input.waitFor();
  return person;
}

async function goBack({ page }: Person): Promise<void> {
  await page.goBack();
  await until('the list is shown', () => new URL(page.url()).pathname === '/');
}

test('who leaves while the first message is on its way, and comes back, does not send it twice', async () => {
  const pair = await here.service.pair();
  const ada = await begun(pair);
  await here.service.kill();
  await ada.banner.waitFor();
  await ada.send('Hello there');
  await goBack(ada);
  await ada.isAskedToStay();
  await ada.page.goForward();
  await ada.input.waitFor();
  assert.equal(await ada.input.inputValue(), 'Hello there');
  assert.ok(!(await ada.input.isEditable()), 'it is on its way');
  await ada.input.press('Enter');
  await here.service.restart();
  await ada.delivered('Hello there', 'sent');
  const id = new URL(ada.page.url()).pathname.split('/').at(-1) ?? '';
  const { items } = await here.service.as<HistoryPage>(pair.ada, 'GET', `/api/messages/conversations/${id}/messages`);
  assert.equal(items.length, 1);
  assert.equal(await ada.input.inputValue(), '');
});

test('who has gone elsewhere meanwhile stays there', async () => {
  const { pair, id } = await here.conversation('First', ['roof']);
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.page.getByRole('button', { name: /other conversations of this contract/ }).click();
  await ada.page.getByRole('menuitem', { name: /Milestone roof/ }).click();
  await ada.sees(/begins the conversation about “Milestone roof”/);
  await here.service.kill();
  await ada.banner.waitFor();
  await ada.send('About the roof');
  await ada.page.locator(`[data-conversation="${id}"]`).click();
  await ada.message('First').waitFor();
  await here.service.restart();
  await ada.page.getByRole('link', { name: /Milestone roof.*About the roof/ }).waitFor();
  assert.equal(new URL(ada.page.url()).pathname, `/c/${id}`);
});

test('a first message that was refused is there to be corrected', async () => {
  const ada = await begun(await here.service.pair());
  const text = 'x'.repeat(10_001);
  await ada.send(text);
  await ada.sees('This cannot be accepted');
  await goBack(ada);
  await ada.page.goForward();
  await ada.sees('This cannot be accepted');
  assert.equal(await ada.input.inputValue(), text);
  await ada.send('Short');
  await ada.delivered('Short', 'sent');
});

test('what is written when the other one begins goes on in his conversation', async () => {
  const pair = await here.service.pair();
  const ada = await begun(pair);
  await ada.input.fill('I was about to say');
  await here.service.as(pair.ben, 'POST', '/api/messages', { contractId: pair.contractId, content: 'Good morning' });
  await ada.message('Good morning').waitFor();
  assert.equal(await ada.input.inputValue(), 'I was about to say');
  await ada.input.press('Enter');
  await ada.message('I was about to say').waitFor();
});
