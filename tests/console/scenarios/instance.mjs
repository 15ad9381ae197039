// One instance: path, slider, context, events.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { enter, goTo, openPage } from '../page.mjs';

const noteOf = (page, edge) =>
  page.locator('.label', { has: page.locator('title', { hasText: edge }) }).locator('.note');

/** The first event for `id` takes effect and its answer is lost. Gives the headers of each. */
async function loseFirstAnswer(page, server, id) {
  const path = `/v1/instances/${id}/events`;
  const sent = [];
  await page.route(`**${path}`, async (route) => {
    const request = route.request();
    sent.push(request.headers());
    if (sent.length > 1) return route.continue();
    await server.raw('POST', path, { headers: request.headers(), body: request.postData() });
    await route.abort(); // it has happened, and the answer is lost
  });
  return sent;
}

export async function instance({ browser, server, check }) {
  await server.create('order', 2, 'tour', { total: 120, customer: { city: 'Porto', zip: null } });
  await server.apply('tour', 'PAY', { paid_by: 'card' });
  await server.apply('tour', 'PACK', { customer: { city: 'Porto', zip: '4000' } });
  await server.apply('tour', 'NOTE', { note: 'fragile' });
  await server.apply('tour', 'NOTE', { note: 'very fragile' });
  const page = await openPage(browser, server);
  await enter(page, server, '#/instances/tour');
  const slider = page.getByRole('slider', { name: 'Time' });
  const tree = page.getByRole('region', { name: 'Context' });

  await check('instance: the path is numbered, possible edges are solid, others not', async () => {
    await noteOf(page, 'created → paid: PAY').getByText('1', { exact: true }).waitFor();
    await noteOf(page, 'packed → packed: NOTE').getByText('3, 4', { exact: true }).waitFor();
    const kinds = await page.$$eval('.label', (labels) =>
      Object.fromEntries(
        labels.map((l) => [l.querySelector('title').textContent, l.getAttribute('class')]),
      ),
    );
    assert.match(kinds['packed → shipped: SHIP'], /permitted/);
    assert.match(kinds['shipped → delivered: DELIVER'], /dim/);
    assert.match(kinds['packed → packed: NOTE'], /last/);
    assert.equal(await page.locator('.box.current').getAttribute('data-key'), 'packed');
  });

  await check(
    'instance: events that can happen are buttons, others have their reason',
    async () => {
      const events = page.getByRole('region', { name: 'Events' });
      assert.deepEqual(await events.locator('.events button').allTextContents(), ['NOTE', 'SHIP']);
      await events
        .locator('.refused li', { hasText: 'DELIVER' })
        .getByText('only from shipped')
        .waitFor();
      await events.getByText('No transition from “packed”').waitFor();
    },
  );

  await check('instance: the slider moves picture, context and address together', async () => {
    await slider.focus();
    assert.match(await slider.getAttribute('aria-valuetext'), /^5 of 5: NOTE/);
    await tree.locator('li.changed', { hasText: 'note' }).getByText('"very fragile"').waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    assert.match(await slider.getAttribute('aria-valuetext'), /^3 of 5: PACK/);
    await tree.locator('li.changed', { hasText: 'zip' }).getByText('"4000"').waitFor();
    assert.equal(await tree.getByText('note').count(), 0);
    assert.equal(await noteOf(page, 'packed → packed: NOTE').count(), 0);
    assert.match(await page.evaluate(() => window.location.hash), /at=\d+/);
    await page.getByText('You look at the past').first().waitFor();
    await page.keyboard.press('Home');
    assert.equal(await page.locator('.box.current').getAttribute('data-key'), 'created');
    const guard = page.getByRole('region', { name: 'Events' }).locator('li', { hasText: 'PAY' });
    await guard.getByText('ctx.total < 500').waitFor();
    await page.keyboard.press('End');
    assert.doesNotMatch(await page.evaluate(() => window.location.hash), /at=/);
  });

  await check('instance: what others do appears by itself', async () => {
    await server.apply('tour', 'SHIP', { carrier: 'DHL' });
    await page.locator('.box.current[data-key="shipped"]').waitFor();
    await tree.locator('li.added', { hasText: 'carrier' }).waitFor();
    assert.match(await slider.getAttribute('aria-valuetext'), /^6 of 6: SHIP/);
  });

  await check('instance: an event is applied with its payload, by keys', async () => {
    await page.locator('h1').click();
    await page.keyboard.press('e');
    await page.keyboard.press('Enter');
    const form = page.getByRole('form', { name: 'Apply DELIVER' });
    const editor = form.getByRole('textbox');
    await editor.fill('{"weight": 18446744073709551615,');
    await form.getByText('Line 1, column 33').waitFor();
    assert.ok(await form.getByRole('button', { name: 'Apply DELIVER' }).isDisabled());
    await editor.fill('{"weight": 18446744073709551615}');
    await page.keyboard.press('Control+Enter');
    await page.getByText('DELIVER: shipped → delivered, at offset').waitFor();
    await page.locator('.box.current[data-key="delivered"]').waitFor();
    await tree
      .locator('li.added', { hasText: 'weight' })
      .getByText('18446744073709551615')
      .waitFor();
  });

  await check('instance: when an answer is lost, sending again takes effect once', async () => {
    await server.create('order', 2, 'again', { total: 1 });
    for (const event of ['PAY', 'PACK']) await server.apply('again', event);
    await goTo(page, '#/instances/again');
    const sent = await loseFirstAnswer(page, server, 'again');
    const events = page.getByRole('region', { name: 'Events' });
    await events.getByRole('button', { name: 'NOTE' }).click();
    await page.getByRole('button', { name: 'Apply NOTE' }).click();
    await page.getByRole('button', { name: 'Send NOTE again' }).click();
    await events.getByText('it had been applied before').waitFor();
    const keys = sent.map((headers) => headers['idempotency-key']);
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    const history = await server.get('/instances/again/history');
    const notes = history.events.filter((event) => event.event === 'NOTE');
    assert.deepEqual(
      notes.map((event) => event.idempotency_key),
      [keys[0]],
    );
    await page.unroute('**/v1/instances/again/events');
  });

  await check('instance: what is sent again expects the offset of the first time', async () => {
    await server.create('order', 2, 'bound', { total: 1 });
    for (const event of ['PAY', 'PACK', 'NOTE']) await server.apply('bound', event);
    const { wal_offset: offset } = await server.apply('bound', 'NOTE');
    await goTo(page, '#/instances/bound');
    await page.getByText('5 of 5', { exact: true }).waitFor(); // the one before had four
    const sent = await loseFirstAnswer(page, server, 'bound');
    const events = page.getByRole('region', { name: 'Events' });
    await events.getByRole('button', { name: 'NOTE' }).click();
    const box = page.getByLabel(`Only if it is still at offset ${offset}`, { exact: true });
    await box.check();
    await page.getByRole('button', { name: 'Apply NOTE' }).click();
    const again = page.getByRole('button', { name: 'Send NOTE again' });
    await again.waitFor();
    await page.getByText('6 of 6', { exact: true }).waitFor(); // it is at another offset by now
    assert.ok((await box.isChecked()) && (await box.isDisabled()));
    await again.click();
    await events.getByText('it had been applied before').waitFor();
    assert.deepEqual(
      sent.map((headers) => headers['if-match']),
      [`"${offset}"`, `"${offset}"`],
    );
    assert.equal(sent[0]['idempotency-key'], sent[1]['idempotency-key']);
    const history = await server.get('/instances/bound/history');
    assert.equal(history.events.filter((event) => event.event === 'NOTE').length, 3);
    await page.unroute('**/v1/instances/bound/events');
  });

  await check('instance: a guard that does not hold is named', async () => {
    await server.create('order', 2, 'dear', { total: 900 });
    await server.apply('dear', 'PAY');
    await goTo(page, '#/instances/dear');
    await page
      .getByRole('region', { name: 'Events' })
      .getByRole('button', { name: 'APPROVE' })
      .click();
    await page.getByRole('button', { name: 'Apply APPROVE' }).click();
    const alert = page.getByRole('alert');
    await alert.getByText('No guard holds.').waitFor();
    await alert.getByText('ctx.approved_by != null').waitFor();
  });

  await check('instance: “only if it is still at” refuses when it has changed', async () => {
    await server.create('order', 2, 'raced', { total: 1 });
    await server.apply('raced', 'PAY');
    await server.apply('raced', 'PACK');
    await goTo(page, '#/instances/raced');
    await page
      .getByRole('region', { name: 'Events' })
      .getByRole('button', { name: 'NOTE' })
      .click();
    await page.getByLabel(/^Only if it is still at offset/).check();
    let raced = false;
    await page.route('**/v1/instances/raced/events', async (route) => {
      if (!raced) {
        raced = true;
        await server.apply('raced', 'NOTE', { by: 'another' });
      }
      await route.continue();
    });
    await page.getByRole('button', { name: 'Apply NOTE' }).click();
    await page.getByRole('alert').getByText('It has changed meanwhile.').waitFor();
    await page.unroute('**/v1/instances/raced/events');
  });

  await check('instance: a long history comes page by page', async () => {
    await server.create('turnstile', 1, 'busy');
    for (let i = 0; i < 5; i++) {
      await server.batch(
        Array.from({ length: 100 }, (_, k) => ({
          op: 'APPLY_EVENT',
          params: { instance_id: 'busy', event: k % 2 === 0 ? 'COIN' : 'PUSH' },
        })),
      );
    }
    await goTo(page, '#/instances/busy');
    await page.getByText('200 of 200').waitFor();
    for (const count of [400, 501]) {
      await page.getByRole('button', { name: 'Load older' }).click();
      await page.getByText(`${count} of ${count}`).waitFor();
    }
    assert.equal(await page.getByRole('button', { name: 'Load older' }).count(), 0);
    await slider.focus();
    await page.keyboard.press('Home');
    await page.getByText('1 of 501', { exact: true }).waitFor();
  });

  await check('instance: a deleted one keeps its history', async () => {
    await server.create('order', 2, 'gone', { total: 1 });
    await server.call('DELETE', '/v1/instances/gone');
    await goTo(page, '#/instances/gone');
    await page.locator('.pill', { hasText: 'deleted' }).waitFor();
    await page.getByText('The instance is deleted').waitFor();
    assert.match(await slider.getAttribute('aria-valuetext'), /^2 of 2: deleted/);
  });

  await check('instance: its picture is saved as a file of its own', async () => {
    await goTo(page, '#/instances/tour');
    await page.locator('.box.current[data-key="delivered"]').waitFor();
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as SVG' }).click();
    const download = await waiting;
    assert.equal(download.suggestedFilename(), 'tour-path.svg');
    const text = readFileSync(await download.path(), 'utf8');
    const facts = await page.evaluate((svg) => {
      const document = new DOMParser().parseFromString(svg, 'image/svg+xml');
      return {
        error: document.querySelector('parsererror')?.textContent ?? '',
        texts: [...document.querySelectorAll('text')].map((t) => t.textContent),
        styled: [...document.querySelectorAll('text, path, rect')].every((e) =>
          e.hasAttribute('fill'),
        ),
        links: document.querySelectorAll('[href], [class], style, script, image').length,
      };
    }, text);
    assert.equal(facts.error, '');
    assert.ok(facts.texts.includes('delivered') && facts.texts.includes('PAY'), facts.texts.join());
    assert.ok(facts.styled);
    assert.equal(facts.links, 0);
    assert.doesNotMatch(text, /url\(|var\(/);
  });
  await page.context().close();
}
