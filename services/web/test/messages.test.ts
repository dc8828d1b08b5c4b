// Two people who write to each other.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { png } from './support/picture.js';
import { until, world } from './support/inbox.js';
import type { Person } from './support/inbox.js';

const here = world();

/** Both look at the same new conversation. */
async function together(milestones: string[] = []): Promise<{ ada: Person; ben: Person; id: string }> {
  const { pair, id } = await here.conversation('First', milestones);
  const [ada, ben] = await here.both(pair, id);
  for (const person of [ada, ben]) await person.message('First').waitFor();
  return { ada, ben, id };
}

test('demo users sign in by a click, start a conversation and answer it', async () => {
  const [client, freelancer] = [await here.person(), await here.person()];
  await client.open();
  await client.page.getByRole('button', { name: /Demo client/ }).click();
  await freelancer.open();
  await freelancer.page.getByRole('button', { name: /Demo freelancer/ }).click();
  await freelancer.sees('No conversations yet.');

  await client.page.getByRole('button', { name: 'New conversation' }).first().click();
  await client.page.getByRole('group', { name: 'Your contracts' }).getByRole('button').first().click();
  await client.page
    .getByRole('dialog')
    .getByRole('link', { name: /General/ })
    .click();
  await client.send('Hello there');
  await client.delivered('Hello there', 'sent');
  assert.match(client.page.url(), /\/c\/[0-9a-f]{24}$/);

  await freelancer.hasTitle('(1) Messages');
  const row = freelancer.page.getByRole('link', { name: /Demo client.*Hello there/ });
  assert.match(await row.innerText(), /\b1\b/, 'a badge counts what is unread');
  await row.click();
  await freelancer.message('Hello there').waitFor();
  await client.delivered('Hello there', 'read');
  await freelancer.hasTitle('Messages');

  await freelancer.send('Good morning');
  await client.message('Good morning').waitFor();
  await freelancer.delivered('Good morning', 'read');
  await client.page.getByRole('log').getByText('Good morning').waitFor({ state: 'attached' });
});

test('typing is shown, and its end', async () => {
  const { ada, ben } = await together();
  await ada.input.pressSequentially('Well');
  await ben.sees('is typing');
  await ada.input.fill('');
  await ben.page.getByText('is typing').waitFor({ state: 'detached' });
});

test('presence follows whoever comes and goes', async () => {
  const { ada, ben } = await together();
  const header = ada.page.locator('[data-presence]');
  await ada.page.locator('[data-presence="online"]').waitFor();
  await ada.page.locator('.row .presence-dot').waitFor();
  await ben.page.context().close();
  await ada.page.locator('[data-presence="offline"]').waitFor();
  await ada.page.locator('.row .presence-dot').waitFor({ state: 'detached' });
  assert.match(await header.innerText(), /^Last seen just now$/);
});

test('a picture goes with a message, and is shown at the other side', async () => {
  const { ada, ben } = await together();
  await ada.page
    .getByLabel('Files', { exact: true })
    .setInputFiles({ name: 'plan.png', mimeType: 'image/png', buffer: png(640, 480) });
  await ada.page.getByRole('button', { name: 'Remove plan.png' }).waitFor();
  await ada.send('The plan');
  const picture = ben.message('The plan').getByRole('img', { name: 'plan.png' });
  await picture.waitFor();
  assert.equal(await picture.evaluate((image) => (image as HTMLImageElement).naturalWidth), 640);
  await picture.click();
  await ben.page.getByRole('dialog', { name: 'plan.png' }).waitFor();
  const saved = ben.page.waitForEvent('download');
  await ben.page.getByRole('button', { name: 'Save' }).click();
  assert.equal((await saved).suggestedFilename(), 'plan.png');
  await ben.page.keyboard.press('Escape');
  await ben.page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match(ben.page.url(), /\/c\//, 'Escape closed the picture, and did not leave the conversation');
});

test('files are dropped and pasted, and their upload is cancelled', async () => {
  const { ada, ben } = await together();
  await give(ada, 'drop', 'brief.txt');
  await ada.page.getByRole('button', { name: 'Remove brief.txt' }).waitFor();

  // An upload that never ends.
  await ada.page.route('**/attachments', () => undefined);
  await give(ada, 'paste', 'huge.txt');
  const cancel = ada.page.getByRole('button', { name: 'Cancel the upload of huge.txt' });
  await cancel.waitFor();
  await ada.input.fill('With a brief');
  await ada.input.press('Enter');
  await ada.sees('Not all files are uploaded');
  await cancel.click();
  await cancel.waitFor({ state: 'detached' });
  await ada.page.unroute('**/attachments');

  await ada.input.press('Enter');
  await ben.message('With a brief').getByText('brief.txt').waitFor();
  assert.equal(await ben.page.getByText('huge.txt').count(), 0);
  const saved = ben.page.waitForEvent('download');
  await ben.page.getByRole('button', { name: 'Save brief.txt' }).click();
  assert.equal((await saved).suggestedFilename(), 'brief.txt');
});

/** Gives a file as a drag or the clipboard does. */
async function give({ page, input }: Person, how: 'drop' | 'paste', name: string): Promise<void> {
  const data = await page.evaluateHandle((filename) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['What is to be done'], filename, { type: 'text/plain' }));
    return transfer;
  }, name);
  if (how === 'drop') {
    const section = page.getByRole('region', { name: 'Conversation', exact: true });
    await section.dispatchEvent('dragenter', { dataTransfer: data });
    await page.getByText('Drop the files').waitFor();
    await section.dispatchEvent('drop', { dataTransfer: data });
    await page.getByText('Drop the files').waitFor({ state: 'detached' });
  } else {
    await input.evaluate((element, clipboardData) => {
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, data);
  }
}

test('a message takes ten files, and says so', async () => {
  const { ada } = await together();
  const files = Array.from({ length: 11 }, (_, index) => ({
    name: `${String(index)}.txt`,
    mimeType: 'text/plain',
    buffer: Buffer.from(String(index)),
  }));
  await ada.page.getByLabel('Files', { exact: true }).setInputFiles(files);
  await ada.sees('A message takes 10 files.');
  await ada.page.getByRole('button', { name: 'Remove 9.txt' }).waitFor();
  assert.equal(await ada.page.getByText('10.txt').count(), 0);
});

test('a message is changed by Up and Enter, and Escape leaves it as it is', async () => {
  const { ada, ben } = await together();
  await ada.send('Tomorow');
  await ada.delivered('Tomorow', 'read');
  await ada.input.press('ArrowUp');
  const editor = ada.page.getByLabel('Edited message');
  await editor.fill('Never');
  await editor.press('Escape');
  await editor.waitFor({ state: 'detached' });
  await ada.page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Message');
  await ada.input.press('ArrowUp');
  await editor.fill('Tomorrow');
  await editor.press('Enter');
  await ben.message('Tomorrow').getByText('edited').waitFor();
  assert.equal(await ben.message('Tomorow').count(), 0);
  assert.equal(await ben.message('Never').count(), 0);
});

test('a message is deleted for both', async () => {
  const { ada, ben } = await together();
  await ada.send('A mistake');
  await ben.message('A mistake').waitFor();
  const row = ada.message('A mistake');
  await row.hover();
  await row.getByRole('button', { name: 'Message actions' }).click();
  await ada.page.getByRole('menuitem', { name: 'Delete' }).click();
  await ada.page.getByRole('button', { name: 'Delete', exact: true }).click();
  await ada.message('You deleted this message').waitFor();
  await ben.message('This message was deleted').waitFor();
  assert.equal(await ben.page.getByText('A mistake').count(), 0, 'not in the list either');
});

test('each milestone has a conversation of its own', async () => {
  const { ada, ben, id } = await together(['roof']);
  await ada.page.getByRole('button', { name: /other conversations of this contract/ }).click();
  await ada.page.getByRole('menuitem', { name: /Milestone roof/ }).click();
  await ada.sees(/begins the conversation about “Milestone roof”/);
  await ada.send('About the roof');
  await ada.message('About the roof').waitFor();
  assert.ok(!ada.page.url().endsWith(id));
  assert.equal(await ada.message('First').count(), 0);
  const row = ben.page.getByRole('link', { name: /Milestone roof/ });
  await row.click();
  await ben.message('About the roof').waitFor();
  await ben.page.getByRole('button', { name: /other conversations of this contract/ }).click();
  await ben.page.getByRole('menuitem', { name: /General/ }).click();
  await ben.message('First').waitFor();
});

test('text is text, and addresses in it are links', async () => {
  const { ada, ben } = await together();
  const script = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  await ada.send(script);
  await ben.message(script).waitFor();
  await ada.send('See https://example.com/plan. And javascript:alert(1)');
  const link = ben.message('See').getByRole('link');
  assert.equal(await link.getAttribute('href'), 'https://example.com/plan');
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow');
  await ben.hasTitle('Messages');
});

test('what is too long is refused, and can be discarded', async () => {
  const { ada } = await together();
  await ada.send('x'.repeat(10_001));
  await ada.sees(/Not sent\. This cannot be accepted/);
  await ada.page.getByRole('button', { name: 'Send again' }).click();
  await ada.sees(/Not sent\. This cannot be accepted/);
  await ada.page.getByRole('button', { name: 'Discard' }).click();
  await ada.page.getByText('Not sent.').waitFor({ state: 'detached' });
  await ada.send('Short');
  await ada.delivered('Short', 'sent').catch(() => ada.delivered('Short', 'read'));
});

test('a draft is kept with its conversation', async () => {
  const { ada, id } = await together();
  await ada.input.fill('Half a thought');
  await ada.input.press('Escape');
  await until('the list is shown', () => new URL(ada.page.url()).pathname === '/');
  await ada.page.waitForFunction(() => document.activeElement?.matches('.row'));
  const row = ada.page.locator(`[data-conversation="${id}"]`);
  assert.match(await row.innerText(), /Draft: Half a thought/);
  await ada.page.reload();
  await row.click();
  assert.equal(await ada.input.inputValue(), 'Half a thought');
  await ada.input.press('Enter');
  await ada.message('Half a thought').waitFor();
  assert.equal(await ada.input.inputValue(), '');
});

test('a conversation of others is not shown', async () => {
  const { id } = await here.conversation();
  const stranger = await here.signedIn('stranger', `/c/${id}`);
  await stranger.sees('This conversation cannot be shown');
  await stranger.page.getByRole('link', { name: 'Back to the list' }).click();
  await stranger.sees('No conversation is open');
});
