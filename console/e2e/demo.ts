// One `hookswitch demo` per worker: its own data, free ports, and the passwords that it made.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { type BrowserContext, type Page, expect, test as plain } from '@playwright/test'

export const binary = process.env.HOOKSWITCH_BINARY ?? '../target/debug/hookswitch'
const START_MS = 120_000

export type Role = 'tenant_admin' | 'operator' | 'auditor'
export type Tenant = 'acme' | 'globex'
type Account = { email: string; password: string }
type Cookie = Parameters<BrowserContext['addCookies']>[0][number]
export type Demo = {
  url: string
  receiver: string
  /** Where its database is, for the command line. */
  data: string
  passwords: Record<Tenant, Record<Role, Account> & { token: string }>
  /** A session of this person's, opened once per worker. Whoever signs out uses `enter` instead. */
  session: (role: Role, tenant: Tenant) => Promise<Cookie>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (typeof address !== 'object' || !address) throw new Error('no port')
  return address.port
}

async function ready(url: string, child: ChildProcess, said: () => string) {
  const until = Date.now() + START_MS
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}:\n${said()}`)
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.ok) return
    await pause(100)
  }
  throw new Error(`the demo was not ready within ${START_MS} ms:\n${said()}`)
}

/** The demo makes its accounts while it starts. */
async function accounts(data: string): Promise<Demo['passwords']> {
  const until = Date.now() + START_MS
  for (;;) {
    const text = await readFile(join(data, 'demo-passwords.json'), 'utf8').catch(() => '')
    if (text) return JSON.parse(text) as Demo['passwords']
    if (Date.now() > until) throw new Error('the demo wrote no passwords')
    await pause(100)
  }
}

async function run(use: (demo: Demo) => Promise<void>) {
  const data = await mkdtemp(join(tmpdir(), 'hookswitch-e2e-'))
  const [listen, receiver] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const child = spawn(binary, ['demo', '--data', data, '--listen', listen, '--receiver', receiver], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += String(part)))
  const ended = new Promise((done) => child.once('close', done))
  try {
    await ready(`http://${listen}`, child, () => output)
    const [url, passwords] = [`http://${listen}`, await accounts(data)]
    const sessions = new Map<string, Promise<Cookie>>()
    const session = (role: Role, tenant: Tenant) => {
      const key = `${tenant} ${role}`
      const opened = sessions.get(key) ?? openSession(url, passwords[tenant][role])
      sessions.set(key, opened)
      return opened
    }
    await use({ url, receiver, data, passwords, session })
  } finally {
    child.kill('SIGTERM')
    await ended
    await rm(data, { recursive: true, force: true })
  }
}

/** Signing in as the console does it, without the browser: tests of signing in itself do it there. */
async function openSession(url: string, account: Account): Promise<Cookie> {
  const answer = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Requested-With': 'hookswitch' },
    body: JSON.stringify(account),
  })
  const [, name, value] = /^([^=]+)=([^;]*)/.exec(answer.headers.getSetCookie()[0] ?? '') ?? []
  if (!name || !value) throw new Error(`signing in answered ${answer.status}: ${await answer.text()}`)
  // Cookies know no ports, and one that begins with __Host- is only taken from https.
  return { name, value, url: url.replace('http:', 'https:'), httpOnly: true, secure: true, sameSite: 'Lax' }
}

type Fixtures = {
  /** Signed in as this person, on no page yet. */
  signedIn: (role: Role, tenant?: Tenant) => Promise<void>
  /** Signed in as this person, on their first page. */
  signIn: (role: Role, tenant?: Tenant) => Promise<void>
  healthy: undefined
}

export const test = plain.extend<Fixtures, { demo: Demo }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the parameter's pattern
  demo: [async ({}, use) => run(use), { scope: 'worker', timeout: 2 * START_MS }],
  baseURL: async ({ demo }, use) => use(demo.url),
  signedIn: async ({ context, demo }, use) =>
    use(async (role, tenant = 'acme') => context.addCookies([await demo.session(role, tenant)])),
  signIn: async ({ page, signedIn }, use) =>
    use(async (role, tenant) => {
      await signedIn(role, tenant)
      await page.goto('/console/')
    }),
  // Whatever a test is about, a page that throws or breaks its own content security policy has failed.
  healthy: [
    async ({ page }, use) => {
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      page.on('console', (message) => {
        if (/content security policy/i.test(message.text())) faults.push(message.text())
      })
      await use(undefined)
      expect(faults).toEqual([])
    },
    { auto: true },
  ],
})

export async function enter(page: Page, { email, password }: Account) {
  await page.goto('/console/sign-in')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
}

export { expect }
