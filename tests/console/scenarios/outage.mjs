// kill -9 under writes, and the page takes up where it was: exact counts, no gap, nothing twice.

import assert from 'node:assert/strict';
import { enter, openPage } from '../page.mjs';
import { eventually, flood } from '../world.mjs';
import { assertSameCounts } from './flow.mjs';
import { happened, offsets } from './stream.mjs';

export async function outage({ browser, server, check }) {
  await check('outage: counts are exact after kill -9 under writes and a restart', async () => {
    const page = await openPage(browser, server);
    await enter(page, server, '#/machines/turnstile');
    await page.locator('.live-mark.good').waitFor();
    const water = flood(server, 2);
    await eventually(() => water.events() > 2000, 'the flood runs');
    await server.end('SIGKILL');
    await page.getByText('Disconnected').waitFor();
    await page.getByText('The server does not answer.').waitFor();
    await server.start();
    await eventually(() => server.alive(), 'it is back');
    const again = water.events();
    await eventually(() => water.events() > again + 500, 'the flood goes on');
    await water.stop();
    await page.locator('.live-mark.good').waitFor();
    await assertSameCounts(page, server, 'turnstile', 1);
    assert.equal(await page.getByText('The server does not answer.').count(), 0);
    await page.context().close();
  });

  await check('outage: the stream goes on behind its last line, gapless', async () => {
    const page = await openPage(browser, server);
    const begin = (await server.get('/stats')).latest_offset;
    await enter(page, server, '#/stream?machines=turnstile');
    await page.getByText('Live', { exact: true }).waitFor();
    const turn = (i) =>
      server.apply(`turn-${i % 6}`, i % 12 < 6 ? 'COIN' : 'PUSH').catch(() => null);
    for (let i = 0; i < 6; i++) {
      const state = (await server.get(`/instances/turn-${i}`)).state;
      if (state === 'open') await server.apply(`turn-${i}`, 'PUSH');
    }
    for (let i = 0; i < 96; i++) await turn(i);
    await eventually(async () => (await offsets(page)).length >= 96, 'the first part is there');
    const under = Promise.all([0, 1, 2, 3, 4, 5].map(turn)); // these may be lost or not
    await server.end('SIGKILL');
    await under;
    await server.start();
    for (let i = 0; i < 24; i++) await turn(i);
    const wanted = (await happened(server, begin)).reverse();
    await eventually(
      async () => (await offsets(page))[0] === wanted[0],
      'the last is there',
      20_000,
    );
    assert.deepEqual(await offsets(page), wanted);
    await page.context().close();
  });
}
