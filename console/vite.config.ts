// The console is served by the binary under /console/, below a strict content security policy:
// nothing may be inlined into the page. The customer portal is a second page over the same chunks, served
// under /portal/.
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    rolldownOptions: { input: { index: 'index.html', portal: 'portal.html' } },
  },
  server: { proxy: { '/api': process.env.HOOKSWITCH_URL ?? 'http://127.0.0.1:8080' } },
  // What only a release needs is asked for by `npm run release`.
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    exclude: process.env.RELEASE ? [] : ['src/i18n/release.test.ts'],
  },
})
