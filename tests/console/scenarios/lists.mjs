// Machines and instances as lists, by pointer and by keys alone.

import assert from 'node:assert/strict';
import { enter, goTo, openPage } from '../page.mjs';

export async function lists({ browser, server, check }) {
  const page = await openPage(browser, server);
  await enter(page, server);

  await check('machines: each with its versions and its instances by state', async () => {
    const row = page.locator('tr[data-row]', {
      has: page.getByRole('link', { name: 'order', exact: true }),
    });
    await row.getByText('2, and 1 before').waitFor();
    const { total } = await server.get('/machines/order/counts');
    await row.getByText(String(total), { exact: true }).waitFor();
  });

  await check(
    'instances: filters stand in the address, pills have the counts of the server',
    async () => {
      await goTo(page, '#/instances?machine=order');
      const { states, total } = await server.get('/machines/order/counts');
      const pills = page.getByRole('navigation', { name: 'States' });
      await pills.getByRole('link', { name: `all ${total}` }).waitFor();
      for (const [state, count] of Object.entries(states)) {
        await pills.getByRole('link', { name: `${state} ${count}`, exact: true }).waitFor();
      }
      await pills.getByRole('link', { name: /^paid/ }).click();
      await page.waitForFunction(() => window.location.hash.includes('state=paid'));
      await page.getByText(`of ${states.paid}`).waitFor();
      const shown = await page.$$eval('tbody tr td:nth-child(3)', (cells) =>
        cells.map((c) => c.textContent.trim()),
      );
      assert.ok(shown.length > 0 && shown.every((state) => state === 'paid'), shown.join());
    },
  );

  await check('instances: page by page, forth and back, every one once', async () => {
    await goTo(page, '#/instances?machine=order');
    const { total } = await server.get('/machines/order/counts');
    const seen = [];
    const ids = () =>
      page.$$eval('tbody tr td:first-child', (cells) => cells.map((c) => c.textContent.trim()));
    for (let from = 1; ; from += 50) {
      await page.getByText(`${from}–`).waitFor();
      seen.push(...(await ids()));
      const next = page.getByRole('button', { name: 'Next' });
      if (await next.isDisabled()) break;
      await next.click();
    }
    assert.equal(new Set(seen).size, total);
    assert.equal(seen.length, total);
    await page.keyboard.press('[');
    await page.getByText(`${Math.floor((total - 1) / 50) * 50 - 49}–`).waitFor();
  });

  await check('instances: open one by its id, by keys', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('o-1007');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'o-1007' }).waitFor();
    await goTo(page, '#/instances/never-there');
    await page.getByText('There is no instance “never-there”').waitFor();
  });

  await check('keys: places, rows, help, theme', async () => {
    await page.locator('body').press('g');
    await page.keyboard.press('m');
    await page.getByRole('heading', { name: 'Machines' }).waitFor();
    await page.locator('tr[data-row]').nth(1).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const chosen = await page.evaluate(() => document.activeElement.textContent);
    assert.match(chosen, /^turnstile/);
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'order' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', { name: 'Live stream' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).getByText('pause and go on').waitFor();
    await page.keyboard.press('Escape');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.keyboard.press('t');
    await page.keyboard.press('t');
    assert.notEqual(await ground(), light);
    await page.keyboard.press('t');
    assert.equal(await ground(), light);
    await page.keyboard.press('g');
    await page.keyboard.press('i');
    await page.getByRole('heading', { name: 'Instances' }).waitFor();
  });

  await check('instances: a new one is created', async () => {
    await goTo(page, '#/instances?machine=order');
    await page.getByRole('button', { name: 'New instance' }).click();
    const form = page.getByRole('form', { name: 'New instance' });
    await form.getByLabel('Id').fill('made-here');
    await form.getByLabel('Context').fill('{"total": 9007199254740993}');
    await form.getByRole('button', { name: 'Create instance' }).click();
    await page.getByRole('heading', { name: 'made-here' }).waitFor();
    await page.getByText('9007199254740993').waitFor(); // to the last digit
    const made = await server.raw('GET', '/v1/instances/made-here', {
      headers: { Authorization: 'Bearer admin-of-the-test' },
    });
    assert.match(made.text, /9007199254740993/);
  });
  await page.context().close();
}
