import { readFileSync } from 'node:fs'

import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Writes dist/persisted-documents.json, {sha256: document}: the only documents the API runs for a page. */
function persistedDocuments(): Plugin {
  return {
    name: 'persisted-documents',
    apply: 'build',
    generateBundle() {
      const source = readFileSync('src/graphql/generated/persisted-documents.json', 'utf8')
      this.emitFile({ type: 'asset', fileName: 'persisted-documents.json', source })
    },
  }
}

const api = process.env['SAFERWEHO_BASE_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), persistedDocuments()],
  // Footage has neither subtitles nor keys nor a second sound track: the player without them is enough.
  resolve: { alias: [{ find: /^hls\.js$/, replacement: 'hls.js/light' }] },
  build: {
    target: 'es2023',
    // Nothing is inlined: the content security policy of the pages has no data: source.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1300,
  },
  server: {
    proxy: Object.fromEntries(
      ['/graphql', '/sign-in', '/sign-out', '/dev-issuer'].map((path) => [
        path,
        { target: api, ws: path === '/graphql' },
      ]),
    ),
  },
})
