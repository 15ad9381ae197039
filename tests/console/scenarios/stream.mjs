// The live stream: filters, pause, going on, beginning in the past.

import assert from 'node:assert/strict';
import { enter, goTo, openPage } from '../page.mjs';
import { eventually } from '../world.mjs';

export const offsets = (page) =>
  page.$$eval('tr[data-row] td:first-child', (cells) =>
    cells.map((cell) => Number(cell.textContent)),
  );

/** Offsets of what the log says happened to instances behind `after`. */
export async function happened(server, after) {
  const found = [];
  for (let from = after + 1; from !== null; ) {
    const page = await server.get(`/log?from_offset=${from}&limit=1000`);
    for (const { offset, entry } of page.records) {
      if (['apply_event', 'create_instance', 'delete_instance'].includes(entry.type))
        found.push(offset);
    }
    from = page.next_offset;
  }
  return found;
}

export async function stream({ browser, server, check }) {
  const page = await openPage(browser, server);
  const head = async () => (await server.get('/stats')).latest_offset;
  const begin = await head();
  await enter(page, server, '#/stream');
  await page.getByText('Live', { exact: true }).waitFor();

  await check('stream: what happens is listed, newest first', async () => {
    await server.create('order', 2, 'seen', { total: 5 });
    await server.apply('seen', 'PAY', { by: 'card' });
    const row = page.locator('tr[data-row]', { hasText: 'PAY' });
    await row.getByText('created', { exact: true }).waitFor();
    await row.focus();
    await page.keyboard.press('Enter');
    await page.locator('.opened pre').getByText('"by": "card"').waitFor();
    await page.keyboard.press('Enter');
  });

  await check('stream: paused it stands still, and goes on without a gap', async () => {
    await page.locator('h1').click();
    await page.keyboard.press('p');
    await page.getByText('Paused at offset').waitFor();
    const before = await offsets(page);
    for (let i = 0; i < 40; i++) await server.create('turnstile', 1, `paused-${i}`);
    assert.deepEqual(await offsets(page), before);
    await page.keyboard.press('p');
    const wanted = (await happened(server, begin)).reverse();
    await eventually(async () => (await offsets(page)).length === wanted.length, 'all are there');
    assert.deepEqual(await offsets(page), wanted);
  });

  await check('stream: filters stand in the address', async () => {
    await page.getByLabel('Events').fill('COIN');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => window.location.hash.includes('events=COIN'));
    await page.getByText('Live', { exact: true }).waitFor();
    const id = 'paused-0';
    await eventually(async () => {
      await server.batch([
        { op: 'APPLY_EVENT', params: { instance_id: id, event: 'COIN' } },
        { op: 'APPLY_EVENT', params: { instance_id: id, event: 'PUSH' } },
      ]);
      return (await offsets(page)).length > 0;
    }, 'a COIN comes');
    const events = await page.$$eval('tr[data-row] td:nth-child(4)', (cells) =>
      cells.map((c) => c.textContent),
    );
    assert.ok(
      events.every((event) => event === 'COIN'),
      events.join(),
    );
  });

  await check('stream: from an offset in the past, up to now', async () => {
    await goTo(page, `#/stream?after=${begin}`);
    const wanted = (await happened(server, begin)).reverse();
    await eventually(async () => (await offsets(page)).length >= wanted.length, 'all are there');
    assert.deepEqual(await offsets(page), wanted);
  });

  await check('stream: a machine that is not there, and then is', async () => {
    await goTo(page, '#/stream?machines=not-yet');
    await page.getByText('Nothing yet').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const definition = { states: ['x'], initial: 'x', transitions: [] };
    await server.define('not-yet', 1, definition);
    await server.create('not-yet', 1, 'first');
    await page.locator('tr[data-row]', { hasText: 'first' }).waitFor();
  });
  await check('stream: a log that cannot be read on is said, and not asked for again', async () => {
    const problem = { title: 'x', status: 503, code: 'WAL_IO_ERROR', detail: 'cannot be read on' };
    const last = `event: error\ndata: ${JSON.stringify(problem)}\n\n`;
    const body = `id: 5\nevent: watching\ndata: {}\n\n${last}`;
    let asked = 0;
    await page.route('**/v1/watch?*', (route) => {
      asked++;
      return route.fulfill({ contentType: 'text/event-stream', body });
    });
    await goTo(page, '#/stream?machines=order');
    await page.getByRole('alert').getByText('cannot be read on').waitFor();
    assert.equal(asked, 1);
    await page.unroute('**/v1/watch?*');
  });
  await page.context().close();
}
