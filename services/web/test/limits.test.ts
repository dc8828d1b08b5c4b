// What is shown when a limit is met, or something is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MessagingClient } from '@freelancehub/messaging-client';
import { png } from './support/picture.js';
import { until, world } from './support/inbox.js';

/** What the service allows a user at once. */
const CONNECTIONS_MAX = 10;

/** The list asks for 20 at a time. */
const CONVERSATIONS = 45;

const here = world();

test('who has too many windows is told so, and is let in once one is closed', async () => {
  const { pair } = await here.conversation();
  const clientOf = (userId: string): MessagingClient =>
    new MessagingClient({ url: here.service.url, token: () => here.service.token(userId) });
  const ben = clientOf(pair.ben);
  const others = Array.from({ length: CONNECTIONS_MAX }, () => clientOf(pair.ada));
  try {
    await Promise.all([ben, ...others].map((client) => client.connect()));
    const ada = await here.signedIn(pair.ada);
    await ada.page.getByRole('alert').getByText('too many connections').waitFor();
    others.pop()?.close();
    const retry = ada.page.getByRole('button', { name: 'Try again' });
    // The service counts a connection until it has heard of its end. Who is present is known to those only who are let in.
    await until('she is let in', async () => {
      if (await retry.isVisible()) await retry.click();
      return (await ada.page.locator('.row .presence-dot').count()) === 1;
    });
    assert.equal(await retry.count(), 0);
  } finally {
    [ben, ...others].forEach((client) => client.close());
  }
});

test('a page whose origin is not accepted is told what to do', async () => {
  const { pair } = await here.conversation();
  const ada = await here.person();
  await ada.page.route('**/socket.io/**', (route) => route.fulfill({ status: 403 }));
  await ada.open();
  await ada.signIn(here.service.token(pair.ada));
  await ada.page.getByRole('alert').getByText('CORS_ORIGINS').waitFor();
  await ada.page.unroute('**/socket.io/**');
  await ada.page.getByRole('button', { name: 'Try again' }).click();
  await ada.page.getByText('CORS_ORIGINS').waitFor({ state: 'detached' });
});

test('an upload that failed is done again by a click', async () => {
  const { pair, id } = await here.conversation();
  const [ada, ben] = await here.both(pair, id);
  await ada.message('First').waitFor();
  await ada.page.route('**/attachments', (route) => route.abort());
  const plan = { name: 'plan.png', mimeType: 'image/png', buffer: png(64, 48) };
  await ada.page.getByLabel('Files', { exact: true }).setInputFiles(plan);
  const again = ada.page.getByRole('button', { name: 'Upload plan.png again' });
  await again.waitFor();
  await ada.page.unroute('**/attachments');
  await again.click();
  await ada.page.getByRole('button', { name: 'Remove plan.png' }).waitFor();
  await again.waitFor({ state: 'detached' });
  await ada.send('The plan');
  await ben.message('The plan').getByRole('img', { name: 'plan.png' }).waitFor();
});

test('a long list comes page by page, the latest first', async () => {
  const { ada } = await here.service.pair();
  for (let index = 0; index < CONVERSATIONS; index += 1) {
    const name = `${ada}-${String(index)}`;
    await here.service.contract({ contractId: name, ada, ben: `ben-of-${name}` });
    await here.service.as(ada, 'POST', '/api/messages', { contractId: name, content: `About ${String(index)}.` });
  }
  const person = await here.signedIn(ada);
  const rows = person.page.locator('.row');
  await person.sees(`About ${String(CONVERSATIONS - 1)}.`);
  assert.ok((await rows.count()) < CONVERSATIONS, 'not all of them at once');
  const list = person.page.getByRole('navigation', { name: 'Conversations' });
  await until('all are there', async () => {
    await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
    return (await rows.count()) === CONVERSATIONS;
  });
  const texts = await rows.allInnerTexts();
  const expected = Array.from({ length: CONVERSATIONS }, (_, index) => `About ${String(CONVERSATIONS - 1 - index)}.`);
  assert.deepEqual(
    texts.map((text) => /About \d+\./.exec(text)?.[0]),
    expected,
  );
});
