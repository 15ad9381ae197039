// Bundles src/**/*.test.ts and runs them under this Node:
//   node unit_tests.mjs [folder for the bundles]
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = process.argv[2] ?? join(here, '../build/console/tests');

function* tests(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* tests(join(folder, entry.name));
    else if (entry.name.endsWith('.test.ts')) yield join(folder, entry.name);
  }
}

rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: [...tests(join(here, 'src'))],
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const files = [...readdirSync(out, { recursive: false, withFileTypes: true })].flatMap((entry) =>
  entry.isDirectory()
    ? readdirSync(join(out, entry.name)).map((name) => join(out, entry.name, name))
    : [join(out, entry.name)],
);
const done = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=tap', ...files],
  { stdio: 'inherit' },
);
process.exit(done.status ?? 1);
