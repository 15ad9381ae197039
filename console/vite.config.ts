import { defineConfig } from 'vite';

// RSTMDB_CONSOLE_SERVER: where `npm run dev` finds the API.
const server = process.env.RSTMDB_CONSOLE_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    outDir: process.env.RSTMDB_CONSOLE_OUT ?? '../build/console/dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // a data: address is no address of this server, and its policy says so
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  cacheDir: '../build/console/vite',
  server: { proxy: { '/v1': server } },
});
