// One page of the console in a real browser. What must never happen is looked for all the time:
// words in the browser's console, broken policies, requests to anywhere else.

import assert from 'node:assert/strict';
import { TOKENS } from './world.mjs';

export const found = { violations: [], outside: [], errors: [] };

/** Words that the browser says of its own when the server is stopped or refuses. */
const EXPECTED = /Failed to load resource|net::ERR_|ERR_INCOMPLETE_CHUNKED_ENCODING/;

export async function openPage(browser, server, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    acceptDownloads: true,
    ...options,
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  page.on('console', (message) => {
    const text = message.text();
    if (text.startsWith('policy:') || /Content Security Policy/.test(text))
      found.violations.push(text);
    else if (['error', 'warning'].includes(message.type()) && !EXPECTED.test(text))
      found.errors.push(text);
  });
  page.on('pageerror', (error) => found.errors.push(String(error.stack)));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !url.startsWith('blob:')) found.outside.push(url);
  });
  return page;
}

/** Opens an address of the console and signs in where it is asked for. */
export async function enter(page, server, hash = '', role = 'admin') {
  await page.goto(`${server.url}/${hash}`);
  const field = page.getByLabel('Token', { exact: true });
  const main = page.locator('#main');
  await field.or(main).first().waitFor();
  await field.waitFor(); // auth is required, and the token is never remembered
  await field.fill(TOKENS[role]);
  await page.keyboard.press('Enter');
  await main.waitFor();
}

export async function goTo(page, hash) {
  await page.evaluate((to) => {
    window.location.hash = to;
  }, hash);
}

/** {state: count} as the table beside the picture shows it. */
export function shownCounts(page) {
  return page.$$eval('[data-count]', (cells) =>
    Object.fromEntries(
      cells.map((cell) => [
        cell.getAttribute('data-count'),
        Number(cell.textContent.replaceAll(',', '')),
      ]),
    ),
  );
}

/** {state: count} as the picture itself says it. */
export function drawnCounts(page) {
  return page.$$eval('.box', (boxes) =>
    Object.fromEntries(
      boxes.map((box) => [
        box.getAttribute('data-key'),
        Number(box.querySelector('.count')?.textContent.replaceAll(',', '')),
      ]),
    ),
  );
}

/** No part of the page is wider than the window. */
export async function assertNoSideways(page, name) {
  const { content, window: width } = await page.evaluate(() => ({
    content: document.scrollingElement.scrollWidth,
    window: window.innerWidth,
  }));
  assert.ok(content <= width, `${name} is ${content} wide in a window of ${width}`);
}
