import { chromium } from '@playwright/test'
import { readFile } from 'node:fs/promises'
const url = 'http://127.0.0.1:18080'
const pw = JSON.parse(await readFile('/tmp/conin-trial/demo-passwords.json', 'utf8'))
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu'] })
const c = await b.newContext({ baseURL: url, viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', colorScheme: process.env.DARK ? 'dark' : 'light' })
const p = await c.newPage()
p.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.log('CONSOLE', m.text().slice(0, 300)))
p.on('pageerror', (e) => console.log('PAGEERROR', e.message))
p.setDefaultTimeout(60000)
await p.goto('/console/sign-in')
await p.getByLabel('Email').fill(pw.acme.tenant_admin.email)
await p.getByLabel('Password', { exact: true }).fill(pw.acme.tenant_admin.password)
await p.getByRole('button', { name: 'Sign in' }).click()
await p.waitForURL((u) => !u.pathname.endsWith('/sign-in'))
const shot = (n) => p.screenshot({ path: `/tmp/conin-shots/${n}.png` })
const run = (await import(process.argv[2])).default
await run({ p, shot, c })
await b.close()
