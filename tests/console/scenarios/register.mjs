// A machine from JSON, with errors where they are.

import assert from 'node:assert/strict';
import { enter, openPage } from '../page.mjs';

const GOOD = {
  states: ['open', 'closed'],
  initial: 'open',
  transitions: [
    { from: 'open', event: 'CLOSE', to: 'closed', guard: 'ctx.hands > 0' },
    { from: 'closed', event: 'OPEN', to: 'open' },
  ],
};

const text = (change = (x) => x) => JSON.stringify(change(structuredClone(GOOD)), null, 2);
const lineOf = (document, wanted) =>
  document.split('\n').findIndex((line) => line.includes(wanted)) + 1;

export async function register({ browser, server, check }) {
  const page = await openPage(browser, server);
  await enter(page, server, '#/register');
  const editor = page.getByLabel('Definition', { exact: true });
  const send = page.getByRole('button', { name: 'Register' });
  const marked = () => page.locator('.json-mark mark').textContent();
  await page.getByLabel('Name').fill('door');

  await check('register: what is no JSON is marked while it is written', async () => {
    await editor.fill('{\n  "states": ["open",],\n}');
    await page.getByText('Line 2, column 21').waitFor();
    assert.ok(await send.isDisabled());
    await page.getByText('Nothing to draw yet').waitFor();
    assert.equal(await page.locator('.json-lines .faulty').textContent(), '2\n');
  });

  await check('register: the picture follows the text', async () => {
    await editor.fill(text());
    await page.locator('.preview .box[data-key="closed"]').waitFor();
    assert.equal(await page.locator('.preview .label').count(), 2);
  });

  await check('register: what the server refuses is marked at its place', async () => {
    const wrong = text((d) => {
      d.transitions[1].to = 'ajar';
      return d;
    });
    await editor.fill(wrong);
    await send.click();
    await page.getByText(`Line ${lineOf(wrong, 'ajar')}, column`).waitFor();
    assert.equal(await marked(), '"ajar"');
    await page.getByText('transitions[1].to').waitFor();
    const selected = await editor.evaluate((e) => e.value.slice(e.selectionStart, e.selectionEnd));
    assert.equal(selected, '"ajar"');
  });

  await check('register: a fault in a guard is marked inside it', async () => {
    const wrong = text((d) => {
      d.transitions[0].guard = 'ctx.hands > > 0';
      return d;
    });
    await editor.fill(wrong);
    await send.click();
    await page.getByText(`Line ${lineOf(wrong, '> >')}, column`).waitFor();
    const place = await editor.evaluate((e) => e.selectionStart);
    assert.equal(place, wrong.indexOf('> 0'));
  });

  await check('register: a transition that can never be taken', async () => {
    const wrong = text((d) => {
      d.transitions.push({ from: 'closed', event: 'OPEN', to: 'closed' });
      return d;
    });
    await editor.fill(wrong);
    await send.click();
    await page.getByText('can never be taken').waitFor();
    assert.match(await marked(), /"event": "OPEN",\s+"to": "closed"/);
  });

  await check(
    'register: what is right is registered, and the next version begins with it',
    async () => {
      await editor.fill(text());
      await send.click();
      await page.getByRole('link', { name: 'door, version 1' }).click();
      await page.getByRole('heading', { name: 'door' }).waitFor();
      await page.getByRole('link', { name: 'New version' }).click();
      await page.getByRole('heading', { name: 'New version of door' }).waitFor();
      assert.equal(await page.getByLabel('Version', { exact: true }).inputValue(), '2');
      assert.deepEqual(JSON.parse(await editor.inputValue()), GOOD);
      await page.getByLabel('Version', { exact: true }).fill('1');
      await editor.fill(text((d) => ({ ...d, initial: 'closed' })));
      await send.click();
      await page.getByText('MACHINE_VERSION_EXISTS').waitFor();
      assert.equal((await server.get('/machines/door')).version, 1);
    },
  );
  await page.context().close();
}
