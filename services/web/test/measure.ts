// Measures what people wait for. Not a test: it prints figures.

import { World } from './support/inbox.js';

const RUNS = 5;
const LONG = 2_000;

const here = new World();
await here.start();
try {
  await measureStart();
  await measureLongThread();
} finally {
  await here.stop();
}

/** From the navigation to the first message, in a browser that has never seen the page. */
async function measureStart(): Promise<void> {
  const { pair, id } = await here.conversation();
  await here.post(id, pair.ben, texts(60));
  const token = here.service.token(pair.ada);
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const ada = await here.person();
    await ada.page.addInitScript((session) => {
      sessionStorage.setItem('session', session);
      new MutationObserver((_, observer) => {
        if (document.querySelector('[data-message]') === null) return;
        performance.mark('first message');
        observer.disconnect();
      }).observe(document, { childList: true, subtree: true });
    }, JSON.stringify({ token }));
    await ada.open(`/c/${id}`);
    await ada.page.locator('[data-message]').first().waitFor();
    times.push(await ada.page.evaluate(() => performance.getEntriesByName('first message')[0]?.startTime ?? Number.NaN));
    await ada.page.context().close();
  }
  console.log(
    `first message after ${median(times).toFixed(0)} ms (median of ${String(RUNS)}: ${times.map((ms) => ms.toFixed(0)).join(', ')})`,
  );
}

/** How a thread of so many messages scrolls, and takes one more. */
async function measureLongThread(): Promise<void> {
  const { pair, id } = await here.conversation();
  await here.post(id, pair.ben, texts(LONG - 1));
  const ada = await here.signedIn(pair.ada, `/c/${id}`);
  await ada.page.locator('[data-message]').first().waitFor();
  const loadingMs = await ada.page.evaluate(async (wanted) => {
    const log = document.querySelector('.log-scroller');
    const beganAt = performance.now();
    while (log !== null && document.querySelectorAll('[data-message]').length < wanted) {
      log.scrollTop = 300;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return performance.now() - beganAt;
  }, LONG);
  const frames = await ada.page.evaluate(async () => {
    const log = document.querySelector('.log-scroller');
    const gaps: number[] = [];
    let last = performance.now();
    for (let step = 0; log !== null && step < 300; step += 1) {
      log.scrollTop += log.scrollHeight / 300;
      await new Promise(requestAnimationFrame);
      gaps.push(performance.now() - last);
      last = performance.now();
    }
    return gaps;
  });
  const sorted = frames.toSorted((one, other) => one - other);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(1);
  console.log(`${String(LONG)} messages: loaded after ${(loadingMs / 1_000).toFixed(1)} s`);
  console.log(`scrolling through them: frames of ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(0.999)} ms (longest)`);
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `Message ${String(index)} ${'and some more words '.repeat((index * 7) % 23)}`);
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
