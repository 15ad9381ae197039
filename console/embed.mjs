// Writes what Vite has built as C++: node embed.mjs DIST OUT
//
//   OUT/assets.bin   all files one behind the other, each plain and, where that is shorter, gzipped
//   OUT/assets.cc    the table of http/assets.h over those bytes
//
// The bytes come in by .incbin, which costs the compiler nothing; in assembler inside C++, so that
// the object has the compiler's own notes (no executable stack, branch protection) like every
// other. The hash of assets.bin stands in assets.cc: the one never goes without the other.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const [dist, out] = process.argv.slice(2);
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const ALIGNMENT = 16;

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const parts = [];
let size = 0;

function place(bytes) {
  const at = size;
  const padding = Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT);
  parts.push(bytes, padding);
  size += bytes.length + padding.length;
  return `bytes(${at}, ${bytes.length})`;
}

const rows = [...files(dist)].sort().map((file) => {
  const name = `/${relative(dist, file).split('\\').join('/')}`;
  const path = name === '/index.html' ? '/' : name;
  const type = TYPES[extname(file)];
  if (type === undefined) throw new Error(`no content type for ${name}`);
  if (path !== '/' && !path.startsWith('/assets/')) throw new Error(`${name} would not be served`);
  const plain = readFileSync(file);
  const packed = gzipSync(plain, { level: 9 });
  const fields = [
    `.path = "${path}"`,
    `.content_type = "${type}"`,
    `.etag = "\\"${sha256(plain)}\\""`,
    `.plain = ${place(plain)}`,
    packed.length < plain.length ? `.gzip = ${place(packed)}` : '.gzip = {}',
    // Vite puts a hash of the content into every name but the page's.
    `.life = Asset::Life::${path === '/' ? 'kAskAgain' : 'kForever'}`,
  ];
  return `    Asset{${fields.join(',\n          ')}},\n`;
});

const blob = Buffer.concat(parts);
const bin = join(out, 'assets.bin');
writeFileSync(bin, blob);
writeFileSync(
  join(out, 'assets.cc'),
  `// Made by console/embed.mjs; assets.bin has the SHA-256
// ${sha256(blob)}.
#include "http/assets.h"

__asm__(
    ".pushsection .rodata\\n"
    ".balign ${ALIGNMENT}\\n"
    "rstmdb_console_bytes:\\n"
    ".incbin \\"${bin}\\"\\n"
    ".popsection\\n");

extern "C" __attribute__((visibility("hidden"))) const char rstmdb_console_bytes[];

namespace rstmdb::http {
namespace {

std::string_view bytes(size_t at, size_t size) { return {rstmdb_console_bytes + at, size}; }

}  // namespace

std::span<const Asset> console_assets() {
  static const Asset assets[] = {
${rows.join('')}  };
  return assets;
}

}  // namespace rstmdb::http
`,
);
