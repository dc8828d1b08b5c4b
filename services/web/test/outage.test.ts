// What happens when the service goes, or does not accept somebody.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { world } from './support/inbox.js';

const here = world();

test('a window heals by itself after the service was killed, and sends what was written meanwhile', async () => {
  const { pair, id } = await here.conversation();
  const [ada, ben] = await here.both(pair, id);
  await ada.send('Before');
  await ben.message('Before').waitFor();

  await here.service.kill();
  for (const person of [ada, ben]) await person.banner.waitFor();
  await ada.send('Meanwhile');
  await ada.send('And more');
  await ada.delivered('And more', 'sending');
  await here.service.restart();

  for (const person of [ada, ben]) await person.banner.waitFor({ state: 'detached' });
  await ben.message('And more').waitFor();
  await ada.delivered('And more', 'read');
  await ben.send('Welcome back');
  await ada.message('Welcome back').waitFor();
  const texts = await ben.page.locator('[data-message] .text').allInnerTexts();
  assert.deepEqual(texts, ['First', 'Before', 'Meanwhile', 'And more', 'Welcome back']);
});

test('a token that the service does not accept leads back to the sign-in', async () => {
  const person = await here.person();
  await person.open();
  await person.signIn('This is no token');
  await person.sees('This is not a token.');
  const [head, claims] = here.service.token('ada').split('.');
  await person.signIn(`${head ?? ''}.${claims ?? ''}.forged`);
  await person.sees('The service did not accept this token.');
  await person.signIn(here.service.token('ada', { expiresInSeconds: -10 }));
  await person.sees('Your sign-in has expired.');
  await person.page.reload();
  await person.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});

test('who is signed in when his token ends, is told to sign in again', async () => {
  const { pair, id } = await here.conversation();
  const ada = await here.person();
  await ada.open(`/c/${id}`);
  await ada.signIn(here.service.token(pair.ada, { expiresInSeconds: 5 }));
  await ada.message('First').waitFor();
  await ada.sees('Your sign-in has expired.');
  await ada.signIn(here.service.token(pair.ada));
  await ada.message('First').waitFor();
});

test('two windows of a browser are two users, and signing out forgets one of them', async () => {
  const { pair, id } = await here.conversation();
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.message('First').waitFor();
  await ada.page.reload();
  await ada.message('First').waitFor();
  const second = await ada.page.context().newPage();
  await second.goto(`${here.service.url}/`);
  await second.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  await ada.page.getByRole('button', { name: /^Account of/ }).click();
  await ada.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await ada.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  await ada.page.reload();
  await ada.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});
