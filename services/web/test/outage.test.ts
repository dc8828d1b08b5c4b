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
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.message('First').waitFor();
  await here.revoke(pair.ada);
  await ada.sees('Your sign-in has expired.');
  await ada.signIn(here.service.token(pair.ada));
  await ada.message('First').waitFor();
});

test('what waits when a token ends is sent once its user has signed in again', async () => {
  const { pair, id } = await here.conversation();
  const [ada, ben] = await here.both(pair, id);
  for (const person of [ada, ben]) await person.message('First').waitFor();
  await here.service.kill();
  await ada.banner.waitFor();
  // She does not come back before her token is void.
  await ada.page.route('**/socket.io/**', (route) => route.abort());
  await ada.send('Meanwhile');
  await ada.send('And more');
  await ada.delivered('And more', 'sending');
  await here.service.restart();
  await here.revoke(pair.ada);
  await ada.page.unroute('**/socket.io/**');
  await ada.sees(/Your sign-in has expired.*2 messages are not sent yet/);
  await ada.isAskedToStay();
  await ada.signIn('nothing');
  await ada.sees(/This is not a token.*2 messages are not sent yet/);
  await ada.signIn(here.service.token(pair.ada));
  await ben.message('And more').waitFor();
  await ada.delivered('And more', 'read');
  const texts = await ben.page.locator('[data-message] .text').allInnerTexts();
  assert.deepEqual(texts, ['First', 'Meanwhile', 'And more']);
});

test('what waits of a user is not sent by another one', async () => {
  const { pair, id } = await here.conversation();
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.message('First').waitFor();
  await ada.send('x'.repeat(10_001));
  await ada.sees(/Not sent/);
  await here.revoke(pair.ada);
  await ada.sees(/One message is not sent yet/);
  await ada.signIn(here.service.token(pair.ben));
  await ada.message('First').waitFor();
  assert.equal(await ada.page.locator('[data-message]').count(), 1);
  await ada.signOut();
  await ada.isSignedOut();
  await ada.signIn(here.service.token(pair.ada));
  await ada.message('First').waitFor();
  assert.equal(await ada.page.locator('[data-message]').count(), 1);
});

test('while a message of any conversation is not sent, signing out and loading anew ask', async () => {
  const { pair, id } = await here.conversation();
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.message('First').waitFor();
  await here.service.kill();
  await ada.banner.waitFor();
  await ada.send('Meanwhile');
  await ada.delivered('Meanwhile', 'sending');
  await ada.page.keyboard.press('Escape');
  await ada.sees('No conversation is open');
  await ada.isAskedToStay();
  await ada.signOut();
  await ada.sees('One message is not sent yet');
  await ada.page.getByRole('button', { name: 'Stay' }).click();
  await here.service.restart();
  await ada.banner.waitFor({ state: 'detached' });
  await ada.page.locator(`[data-conversation="${id}"]`).click();
  await ada.delivered('Meanwhile', 'sent');

  await ada.send('x'.repeat(10_001));
  await ada.sees(/Not sent/);
  await ada.isAskedToStay();
  await ada.signOut();
  await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
  await ada.isSignedOut();
  await ada.page.reload();
  await ada.isSignedOut();
});

test('two windows of a browser are two users, and signing out forgets one of them', async () => {
  const { pair, id } = await here.conversation();
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.message('First').waitFor();
  await ada.page.reload();
  await ada.message('First').waitFor();
  const ben = await here.personBeside(ada);
  await ben.open(`/c/${id}`);
  await ben.isSignedOut();
  await ben.signIn(here.service.token(pair.ben));
  await ben.message('First').waitFor();
  await ada.signOut();
  await ada.isSignedOut();
  await ada.page.reload();
  await ada.isSignedOut();
  await ben.page.reload();
  await ben.send('I am still here');
  await ben.delivered('I am still here', 'sent');
});
