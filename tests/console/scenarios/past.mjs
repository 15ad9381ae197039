// What compaction has removed from the log is said to be gone, and everything else goes on.

import assert from 'node:assert/strict';
import { enter, goTo, openPage } from '../page.mjs';
import { eventually, flood } from '../world.mjs';

export async function past({ browser, server, check }) {
  await check('past: histories and streams end where the log does', async () => {
    await server.create('order', 2, 'old', { total: 77 });
    const water = flood(server, 2);
    await eventually(() => water.events() > 20_000, 'several segments of the log');
    await water.stop();
    // The log is kept back to the snapshot before the last one.
    for (let i = 0; i < 3; i++) {
      await server.call('POST', '/v1/compact', { force_snapshot: true });
      await server.apply(`turn-${i}`, 'COIN').catch(() => null);
    }
    const { horizon, complete } = await server.get('/instances/old/history');
    assert.ok(horizon > 1 && !complete, `the log still begins at ${horizon}`);
    const page = await openPage(browser, server);
    await enter(page, server, '#/instances/old');
    await page.getByText('what was before has been compacted away').waitFor();
    await page.getByRole('region', { name: 'Context' }).getByText('total').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await server.apply('old', 'CANCEL');
    await page.locator('.box.current[data-key="cancelled"]').waitFor();

    await goTo(page, '#/stream?after=1');
    await page.getByText('That part of the log has been compacted away.').waitFor();
    await page.getByRole('button', { name: 'Begin there' }).click();
    await page.locator('tr[data-row]').first().waitFor();
    await page.context().close();
  });
}
