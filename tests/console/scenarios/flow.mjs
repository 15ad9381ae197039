// The machine, live: counts that are exact, after load and under a flood; a page that stays quick.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { drawnCounts, enter, goTo, openPage, shownCounts } from '../page.mjs';
import { eventually, fill, flood } from '../world.mjs';

const FLOOD_MS = 3000;
const QUICK_MS = 500;

/** Waits until the page shows what the server counts, and says both where it does not. */
export async function assertSameCounts(page, server, machine, version, ms = 15_000) {
  const wanted = (await server.get(`/machines/${machine}/counts?version=${version}`)).states;
  let shown = {};
  const same = async () => {
    shown = await shownCounts(page);
    return Object.entries(wanted).every(([state, count]) => shown[state] === count);
  };
  try {
    await eventually(same, 'the counts', ms);
  } catch {
    assert.deepEqual(shown, wanted);
  }
  assert.deepEqual(await drawnCounts(page), wanted);
}

export async function flow({ browser, server, check }) {
  const page = await openPage(browser, server);
  await enter(page, server, '#/machines/order');

  await check('machine: the counts are those of the server', async () => {
    await page.locator('.live-mark.good').waitFor();
    await assertSameCounts(page, server, 'order', 2);
  });

  await check('machine: counts move with the stream, each edge has its flow', async () => {
    const moving = page.waitForFunction(() => document.querySelectorAll('.dots circle').length > 0);
    const flowing = page.locator('.label .note', { hasText: '/s' }).first().waitFor();
    await fill(server, 200, 300);
    await Promise.all([moving, flowing]);
    await assertSameCounts(page, server, 'order', 2);
    const busiest = await page.locator('.figures-table').nth(1).textContent();
    assert.match(busiest, /PAY.*created → paid/);
    await server.call('DELETE', '/v1/instances/o-1300');
    await assertSameCounts(page, server, 'order', 2);
  });

  await check('machine: another version has its own picture and counts', async () => {
    await page.getByLabel('Version', { exact: true }).selectOption('1');
    await page.waitForFunction(() => window.location.hash.includes('version=1'));
    await page.locator('.live-mark.good').waitFor();
    await server.create('order', 1, 'of-version-1', { total: 1 });
    await assertSameCounts(page, server, 'order', 1);
  });

  await check('machine: states are reached by keys, and lead to their instances', async () => {
    await goTo(page, '#/machines/order');
    await page.locator('.box[tabindex="0"]').waitFor();
    await page.locator('.box[tabindex="0"]').focus();
    const first = await page.evaluate(() => document.activeElement.getAttribute('data-key'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const second = await page.evaluate(() => document.activeElement.getAttribute('data-key'));
    assert.notEqual(second, first);
    assert.equal(await page.locator('.box[tabindex="0"]').count(), 1);
    await page.keyboard.press('Enter');
    await page.waitForFunction((state) => window.location.hash.includes(`state=${state}`), second);
  });

  await check('machine: its picture is saved with its counts', async () => {
    await goTo(page, '#/machines/order');
    await page.locator('.live-mark.good').waitFor();
    const wanted = (await server.get('/machines/order/counts?version=2')).states;
    await assertSameCounts(page, server, 'order', 2);
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as SVG' }).click();
    const text = readFileSync(await (await waiting).path(), 'utf8');
    for (const count of Object.values(wanted)) assert.match(text, new RegExp(`>${count}<`));
  });

  await check('machine: with reduced motion nothing moves', async () => {
    const calm = await openPage(browser, server, { reducedMotion: 'reduce' });
    await enter(calm, server, '#/machines/order');
    await calm.locator('.live-mark.good').waitFor();
    await calm.evaluate(() => {
      window.dots = 0;
      const layer = document.querySelector('.dots');
      new MutationObserver((all) => {
        window.dots += all.length;
      }).observe(layer, { childList: true });
    });
    await fill(server, 20, 600);
    await assertSameCounts(calm, server, 'order', 2);
    assert.equal(await calm.evaluate(() => window.dots), 0);
    await calm.context().close();
  });

  await check(
    'machine: under a flood the page answers at once, and the counts are exact after it',
    async () => {
      await goTo(page, '#/machines/turnstile');
      await page.locator('.live-mark.good').waitFor();
      await page.evaluate(() => {
        window.gaps = [];
        let last = performance.now();
        const frame = (now) => {
          window.gaps.push(now - last);
          last = now;
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      });
      const water = flood(server);
      const began = Date.now();
      const answers = [];
      while (Date.now() - began < FLOOD_MS) {
        const asked = performance.now();
        await page.keyboard.press('t');
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
        answers.push(performance.now() - asked);
      }
      const events = await water.stop();
      await assertSameCounts(page, server, 'turnstile', 1);
      const gaps = await page.evaluate(() => window.gaps.slice(1));
      const worst = Math.max(...gaps);
      answers.sort((a, b) => a - b);
      const median = answers[Math.floor(answers.length / 2)];
      const told = [
        `${Math.round((events * 1000) / FLOOD_MS)} events/s`,
        `a key is answered in ${median.toFixed(0)} ms (median of ${answers.length})`,
        `at most ${answers.at(-1).toFixed(0)} ms`,
        `longest frame ${worst.toFixed(0)} ms`,
      ];
      console.log(`     ${told.join(', ')}`);
      assert.ok(median < QUICK_MS, `median ${median} ms`);
      assert.ok(answers.length > 8, `${answers.length} keys in ${FLOOD_MS} ms`);
    },
  );
  await check(
    'machine: a stream that lags is given up for fresh counts, and that is said',
    async () => {
      const { latest_offset: head } = await server.get('/stats');
      // The page learns of the log's end from the figures: told of one that is far ahead, what
      // arrives afterwards was there long ago.
      await page.route('**/v1/stats', (route) =>
        route.fulfill({ json: { latest_offset: head + 100_000 } }),
      );
      await goTo(page, '#/machines/turnstile');
      await page.locator('.live-mark.good').waitFor();
      const notice = page.getByText('More happened than this page can follow one by one');
      let turns = 0;
      await eventually(async () => {
        const event = turns++ % 2 === 0 ? 'COIN' : 'PUSH';
        await server.apply('turn-0', event).catch(() => null); // it may stand the other way
        return notice.isVisible();
      }, 'it is said');
      await page.unroute('**/v1/stats');
      await page.locator('.live-mark.good').waitFor();
      await assertSameCounts(page, server, 'turnstile', 1);
    },
  );
  await page.context().close();
}
