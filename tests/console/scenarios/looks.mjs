// Every screen, light and dark, wide and narrow: names of controls, contrast, nothing sideways; and
// pictures of them.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { assertNoSideways, enter, goTo, openPage } from '../page.mjs';
import { fill } from '../world.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PICTURE_BYTES = 150 * 1024;

const SCREENS = {
  machines: { hash: '#/machines', ready: '.spread' },
  machine: { hash: '#/machines/order', ready: '.live-mark.good' },
  instances: { hash: '#/instances?machine=order', ready: '.pager' },
  instance: { hash: '#/instances/tour', ready: '.tree' },
  stream: { hash: '#/stream?after=', ready: 'tr[data-row]' },
  register: { hash: '#/register?machine=order', ready: '.preview .box' },
};

const MODES = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  narrow: { colorScheme: 'light', viewport: { width: 400, height: 800 } },
};

async function assertAccessible(page, name) {
  // Through the protocol and not as a script of the page: its policy allows none.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  const told = violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map((n) => `${n.target} ${n.failureSummary}`).join('\n  ')}`,
  );
  assert.equal(told.length, 0, `${name}\n${told.join('\n')}`);
}

export async function looks({ browser, server, check, pictures }) {
  if (pictures) mkdirSync(pictures, { recursive: true });
  for (const [mode, options] of Object.entries(MODES)) {
    const page = await openPage(browser, server, options);
    await enter(page, server, '#/machines');
    for (const [screen, { hash, ready }] of Object.entries(SCREENS)) {
      await check(`looks: ${screen}, ${mode}`, async () => {
        const { latest_offset: head } = await server.get('/stats');
        await goTo(page, screen === 'stream' ? `${hash}${head - 40}` : hash);
        await page.locator(ready).first().waitFor();
        await assertAccessible(page, `${screen}, ${mode}`);
        await assertNoSideways(page, screen);
        if (!pictures) return;
        if (screen === 'machine') await someTraffic(page, server);
        const path = join(pictures, `${screen}-${mode}.png`);
        await page.screenshot({ path });
        const { size } = statSync(path);
        assert.ok(size <= PICTURE_BYTES, `${path} has ${size} bytes`);
      });
    }
    await page.context().close();
  }
  await check('looks: the question for a token', async () => {
    const page = await openPage(browser, server);
    await page.goto(server.url);
    await page.getByLabel('Token', { exact: true }).waitFor();
    await assertAccessible(page, 'sign in');
    await page.context().close();
  });
}

let next = 2000;

/** A picture of something that lives. */
async function someTraffic(page, server) {
  for (let i = 0; i < 10; i++) {
    await fill(server, 12, next);
    next += 12;
  }
  await page.locator('.label .note', { hasText: '/s' }).first().waitFor();
}
