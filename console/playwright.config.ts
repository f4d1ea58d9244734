// Drives the real binary in a real browser. `e2e/demo.ts` starts it; each worker has its own, with its
// own data and ports, so tests run side by side. A test that fails gets a second chance on a fresh
// server, is traced there, and is named as flaky.
import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  fullyParallel: true,
  workers: Number(process.env.E2E_WORKERS ?? 2),
  retries: 1,
  // A busy machine is slow, and that is no fault: what never happens costs a deadline, what happens costs nothing.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  use: {
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    // Nothing that moves is waited for.
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    trace: 'on-first-retry',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // A host's page that a test makes up has no address, which counts as far away: its frames could not reach this machine.
        '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWarn',
      ],
    },
  },
})
