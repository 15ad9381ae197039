// Tokens and roles; and what the page is made of.

import assert from 'node:assert/strict';
import { enter, goTo, openPage } from '../page.mjs';
import { TOKENS } from '../world.mjs';

const BUDGET_BYTES = 80 * 1024;

export async function access({ browser, server, check }) {
  await check('access: the page is small, and its policy is strict', async () => {
    const packed = { headers: { 'Accept-Encoding': 'gzip' } };
    const page = await server.raw('GET', '/');
    assert.equal(page.status, 200);
    assert.match(page.headers['content-security-policy'] ?? '', /^default-src 'self'/);
    assert.doesNotMatch(page.text, /<style|style=|<script(?![^>]*src=)|\son[a-z]+=/);
    const files = [...page.text.matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map((m) => m[1]);
    assert.ok(files.length >= 3, page.text);
    let sum = (await server.raw('GET', '/', packed)).bytes.length;
    for (const file of files) {
      const answer = await server.raw('GET', file, packed);
      assert.equal(answer.status, 200, file);
      assert.equal(answer.headers['content-encoding'], 'gzip', file);
      assert.match(answer.headers['cache-control'], /immutable/, file);
      sum += answer.bytes.length;
      const again = await server.raw('GET', file, {
        headers: { ...packed.headers, 'If-None-Match': answer.headers.etag },
      });
      assert.equal(again.status, 304, file);
    }
    console.log(`     the page loads ${(sum / 1024).toFixed(1)} KiB`);
    assert.ok(sum <= BUDGET_BYTES, `${sum} bytes`);
  });

  await check(
    'access: a token is asked for, a wrong one refused, a right one kept in memory only',
    async () => {
      const page = await openPage(browser, server);
      await page.goto(`${server.url}/#/machines/order`);
      const field = page.getByLabel('Token', { exact: true });
      await field.fill('not-a-token');
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByText('That token was not accepted.').waitFor();
      await field.fill(TOKENS.admin);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'order' }).waitFor(); // as asked for
      const kept = await page.evaluate(() => [
        JSON.stringify(localStorage),
        JSON.stringify(sessionStorage),
        document.cookie,
        window.location.href,
      ]);
      assert.ok(!kept.join(' ').includes(TOKENS.admin));
      await page.reload();
      await field.waitFor();
      await field.fill(TOKENS.admin);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Forget token' }).click();
      await field.waitFor();
      await page.context().close();
    },
  );

  await check(
    'access: a token that may only read sees everything and is told what it may not',
    async () => {
      const page = await openPage(browser, server);
      await enter(page, server, '#/machines/order', 'read');
      await page.locator('.role', { hasText: 'read only' }).waitFor();
      const create = page.getByRole('button', { name: 'New instance' });
      assert.ok(await create.isDisabled());
      assert.match(await create.getAttribute('title'), /may only read/);
      await goTo(page, '#/instances/o-1000');
      await page.getByText('Your token may only read: events cannot be applied.').waitFor();
      assert.ok(await page.locator('.events button').first().isDisabled());
      await goTo(page, '#/register');
      await page.getByText('Your token may only read.').waitFor();
      await page.getByLabel('Name').fill('x');
      assert.ok(await page.getByRole('button', { name: 'Register' }).isDisabled());
      await page.context().close();
    },
  );
}
