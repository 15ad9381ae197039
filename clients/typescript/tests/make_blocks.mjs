// Makes a program of each code block of README.md, and of tests/seed/blocks.md, in build/blocks,
// for the compiler to check and for blocks.test.ts to run.
//
// A block is taken as it is printed. What it uses and does not declare is put before it: imports, a
// connected `client`, a `config`. A block that declares a name twice shows alternatives: each of
// its paragraphs is a program. The port 7401 becomes that of the test's server.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const BLOCK = /^```(?:ts|typescript)\n(.*?)^```$/gms;
const IMPORT = /^import .*?from '[^']+';$/gms;
const DECLARED = /^(?:const|let|class|function|async function) (?:\{ ?)?(\w+)/gm;

// What a document's blocks may use without saying where it is from.
const PRELUDE = {
  fs: "import fs from 'node:fs';",
  Client: "import { Client } from '@rstmdb/client';",
  Subscription: "import { Subscription } from '@rstmdb/client';",
  client: "const client = await Client.connect('localhost', Number(process.env.PORT));",
  config: "const config = { host: 'localhost', port: Number(process.env.PORT) };",
};

/** [[code, line]] */
function blocksOf(text) {
  return [...text.matchAll(BLOCK)].map((match) => [
    match[1],
    text.slice(0, match.index).split('\n').length,
  ]);
}

function declaredIn(code) {
  const imported = [...code.matchAll(IMPORT)].flatMap(
    ([line]) => line.slice(0, line.lastIndexOf(' from ')).match(/\w+/g) ?? [],
  );
  return [...[...code.matchAll(DECLARED)].map((match) => match[1]), ...imported];
}

function alternatives(code) {
  const names = [...code.matchAll(DECLARED)].map((match) => match[1]);
  if (new Set(names).size === names.length) return [code];
  return code.split('\n\n');
}

function programOf(code) {
  const declared = new Set(declaredIn(code));
  const missing = new Set();
  const look = (text) => {
    for (const name of Object.keys(PRELUDE)) {
      if (missing.has(name) || declared.has(name)) continue;
      if (!new RegExp(`(?<![\\w.'])${name}\\b(?!['"])`).test(text)) continue;
      missing.add(name);
      look(PRELUDE[name].replace(/^const \w+/, ''));
    }
  };
  const body = code.replaceAll(IMPORT, '').replaceAll(/\b7401\b/g, 'Number(process.env.PORT)');
  look(body);
  const before = [...missing].map((name) => PRELUDE[name]);
  const imports = [...(code.match(IMPORT) ?? []), ...before.filter((l) => l.startsWith('import'))];
  const values = before.filter((line) => !line.startsWith('import')).reverse();
  return [...imports, ...values, body, 'process.exit(0);', 'export {};', ''].join('\n');
}

const STRICT = {
  extends: '../../../tsconfig.json',
  compilerOptions: {
    rootDir: '.',
    outDir: 'js',
    declaration: false,
    verbatimModuleSyntax: false,
    lib: ['ES2022', 'ESNext.Disposable'],
  },
  include: ['*.ts'],
};

function make(name, document, options) {
  const folder = `build/blocks/${name}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const programs = [];
  for (const [code, line] of blocksOf(readFileSync(document, 'utf8'))) {
    for (const [part, alternative] of alternatives(code).entries()) {
      const file = `line-${line}${part > 0 ? `-${part + 1}` : ''}`;
      writeFileSync(`${folder}/${file}.ts`, programOf(alternative));
      programs.push({ file, code: alternative });
    }
  }
  if (programs.length < 10) throw new Error(`${document} has only ${programs.length} blocks`);
  writeFileSync(`${folder}/programs.json`, JSON.stringify(programs, undefined, 1));
  const compilerOptions = { ...STRICT.compilerOptions, ...options };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ ...STRICT, compilerOptions }));
}

make('readme', 'README.md', {});
// The seed reads members of what it has caught without asking what it is.
make('seed', 'tests/seed/blocks.md', { useUnknownInCatchVariables: false });
