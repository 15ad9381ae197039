// Drives the console in Chromium against a real server:
//   node browser.mjs --server PROGRAM --chromium PROGRAM [--pictures FOLDER] [--only TEXT]
// Prints a line for each test, and `N passed, N failed`.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { found } from './page.mjs';
import { access } from './scenarios/access.mjs';
import { flow } from './scenarios/flow.mjs';
import { instance } from './scenarios/instance.mjs';
import { lists } from './scenarios/lists.mjs';
import { looks } from './scenarios/looks.mjs';
import { outage } from './scenarios/outage.mjs';
import { past } from './scenarios/past.mjs';
import { register } from './scenarios/register.mjs';
import { stream } from './scenarios/stream.mjs';
import { fill, ORDER, Server, TURNSTILE } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    server: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    pictures: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});

const count = { passed: 0, failed: 0 };

async function check(name, test) {
  if (!name.includes(options.only)) return;
  const began = performance.now();
  try {
    await test();
    count.passed++;
    console.log(`ok   ${name} [${Math.round(performance.now() - began)} ms]`);
  } catch (problem) {
    count.failed++;
    console.log(`FAIL ${name}: ${problem.stack ?? problem}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'rstmdb-console-'));
const server = new Server(options.server, folder);
process.once('exit', () => server.process.kill('SIGKILL')); // whatever ends this program
await server.start();
const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage'], // tests also run as root, in small containers
});
try {
  await server.define('order', 1, { ...ORDER, transitions: ORDER.transitions.slice(0, 7) });
  await server.define('order', 2, ORDER);
  await server.define('turnstile', 1, TURNSTILE);
  for (let i = 0; i < 6; i++) await server.create('turnstile', 1, `turn-${i}`);
  await fill(server, 300);
  const world = { browser, server, check, pictures: options.pictures };
  for (const scenario of [access, lists, instance, register, stream, looks, flow, past, outage]) {
    try {
      await scenario(world);
    } catch (problem) {
      count.failed++;
      console.log(`FAIL ${scenario.name} came to no end: ${problem.stack ?? problem}`);
    }
  }
  await check('no policy was violated', () => {
    if (found.violations.length > 0) throw new Error(found.violations.join('\n'));
  });
  await check('nothing was asked of anybody else', () => {
    if (found.outside.length > 0) throw new Error(found.outside.join('\n'));
  });
  await check('no error in the browser', () => {
    if (found.errors.length > 0) throw new Error(found.errors.join('\n'));
  });
} finally {
  await browser.close();
  await server.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed > 0 || count.passed === 0 ? 1 : 0);
