// An empty tenant's way to its first delivered event, through trouble and out of it, and to its first
// received webhook: the checklist ticks itself from what is there.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { type Page } from '@playwright/test'

import { binary, enter, expect, test } from './demo'

const PASSWORD = 'correct horse battery'
const step = (page: Page, name: string) => page.locator(`#step-${name}`)
const isDone = (page: Page, name: string) => expect(step(page, name)).toHaveAttribute('data-done', 'true', { timeout: 30_000 })

/** A tenant with nothing in it, and its admin; by the command line, as an installation's first one is made. */
function emptyTenant(data: string, slug: string): { email: string; password: string } {
  const env = {
    ...process.env,
    HOOKSWITCH_ENVIRONMENT: 'local',
    HOOKSWITCH_DATABASE__URL: `sqlite://${join(data, 'hookswitch.db')}`,
    HOOKSWITCH_SECRETS__MASTER_KEY_FILE: join(data, 'master.key'),
  }
  const email = `first@${slug}.example`
  const admin = (input: string, ...words: string[]) => {
    const ran = spawnSync(binary, ['admin', ...words], { env, input, encoding: 'utf8' })
    expect(ran.status, ran.stderr).toBe(0)
  }
  admin('', 'create-tenant', slug, '--name', `The ${slug} company`)
  admin(PASSWORD, 'create-user', '--tenant', slug, '--email', email, '--role', 'tenant_admin', '--password-stdin')
  return { email, password: PASSWORD }
}

test('leads an empty tenant to its first event, a recovery and its first webhook', async ({ page, demo }) => {
  test.setTimeout(180_000)
  await enter(page, emptyTenant(demo.data, 'newco'))
  await expect(page).toHaveURL(/\/console\/first-steps$/)
  await expect(page.locator('#first-steps-progress')).toHaveText('0 of 8 steps done')

  await test.step('send', async () => {
    await page.locator('#first-destination').click()
    await isDone(page, 'destination')
    await page.locator('#first-publish').click()
    await isDone(page, 'publish')
    await isDone(page, 'delivered')
    await expect(page.locator('#first-delivery')).toBeVisible()
  })

  await test.step('break, watch and recover', async () => {
    await page.locator('label[for=break-endpoint]').click()
    await expect(page.locator('#break-endpoint')).toBeChecked()
    await page.locator('#publish-to-broken').click()
    await expect(page.locator('#countdown')).toContainText('next try in', { timeout: 30_000 })
    await expect(page.locator('#watched-delivery')).toContainText('answered 503')
    await isDone(page, 'broken')
    await page.locator('#mend-and-replay').click()
    await isDone(page, 'recovered')
    await expect(page.locator('#break-endpoint')).not.toBeChecked()
  })

  await test.step('receive', async () => {
    await page.locator('label[for=inbound-feature]').click()
    await isDone(page, 'feature')
    await page.locator('#first-webhook').click()
    await isDone(page, 'webhook')
    await expect(page.locator('#waiting')).toBeVisible()
    await page.locator('#send-sample').click()
    await isDone(page, 'received')
  })

  await expect(page.locator('#first-steps-progress')).toHaveText(/^All done/)
  await page.locator('#first-record').click()
  await expect(page.getByRole('table').getByText('Disk full on db-1')).toBeVisible()
  // What is done stays done, for it was never kept anywhere else: and the way home is the workbench again.
  await page.goto('/console/first-steps')
  await expect(page.locator('#first-steps-progress')).toHaveText(/^All done/)
  await page.goto('/console/')
  await expect(page).toHaveURL(/\/console\/integrations/)
})

test('gives the sample webhook a new secret when the page has lost it, and takes a request from a terminal', async ({ page, demo, request }) => {
  await enter(page, emptyTenant(demo.data, 'oldco'))
  await page.locator('label[for=inbound-feature]').click()
  await page.locator('#first-webhook').click()
  await expect(page.locator('#waiting')).toBeVisible()
  await page.reload()
  await page.locator('#fresh-secret').click()
  const command = await page.locator('.snippet pre').textContent()
  const secret = /SECRET='([^']+)'/.exec(command ?? '')?.[1] ?? ''
  const address = /"(https?:[^"]+)"/.exec(command ?? '')?.[1] ?? ''
  const answer = await request.post(address, { headers: { Authorization: `Bearer ${secret}` }, data: { title: 'From a terminal' } })
  expect(answer.status(), await answer.text()).toBe(200)
  await isDone(page, 'received')
})

test('asks nothing that an operator may not do', async ({ page, signIn }) => {
  await signIn('operator')
  await expect(page.getByRole('link', { name: 'First steps' })).toHaveCount(0)
})
