// Builds dist: ES modules and CommonJS from the same sources, by two passes of the compiler.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const compile = (project) =>
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], {
    stdio: 'inherit',
  });

rmSync('dist', { recursive: true, force: true });
compile('tsconfig.json');
compile('tsconfig.cjs.json');
writeFileSync('dist/cjs/package.json', '{"type":"commonjs"}\n');
