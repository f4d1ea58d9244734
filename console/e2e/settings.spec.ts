// Settings -> Webhooks: creating, capturing, mapping with a preview, testing, replaying, switching off and deleting.
import { createHmac } from 'node:crypto'

import type { Page } from '@playwright/test'

import { expect, test } from './demo'

async function create(page: Page, name: string): Promise<{ url: string; secret: string }> {
  await page.goto('/console/settings/webhooks')
  await page.getByRole('button', { name: 'New inbound webhook' }).click()
  await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click()
  const secret = await page.locator('#signing-secret').innerText()
  await page.getByRole('button', { name: 'I have stored it' }).click()
  await page.getByRole('table', { name: 'Inbound webhooks' }).getByRole('link', { name }).click()
  const url = await page.getByRole('dialog').locator('pre').first().innerText()
  return { url, secret }
}

async function send(page: Page, { url, secret }: { url: string; secret: string }, body: unknown) {
  const data = JSON.stringify(body)
  const signature = createHmac('sha256', secret).update(data).digest('hex')
  return page.request.post(url, { headers: { 'content-type': 'application/json', 'X-Signature': signature }, data })
}

test.describe('a tenant admin', () => {
  test.beforeEach(({ signedIn }) => signedIn('tenant_admin'))

  test('has two tabs, and outbound is as it was (R-105, R-130)', async ({ page }) => {
    await page.goto('/console/settings/webhooks')
    await expect(page.getByRole('table', { name: 'Inbound webhooks' })).toBeVisible()
    await page.getByRole('tab', { name: 'Outbound' }).click()
    await expect(page).toHaveURL(/tab=outbound/)
    await expect(page.getByRole('heading', { name: 'Create destination' })).toBeVisible()
    await expect(page.getByRole('table', { name: 'Destinations', exact: true })).toBeVisible()
  })

  test('goes from a captured request to a ticket, and replays it (R-124, R-128, R-129, R-135)', async ({ page }) => {
    const webhook = await create(page, 'Lift sensors')
    const panel = page.getByRole('dialog')
    await page.getByRole('button', { name: 'Capture the next request' }).click()
    await expect(page.locator('#capture-state')).toHaveText(/Waiting .* [45]:\d\d left/)
    expect((await send(page, webhook, { alert: { id: 17, message: 'Lift 3 stands' } })).status()).toBe(200)
    await expect(page.locator('#capture-sample')).toContainText('Lift 3 stands')

    await panel.getByRole('button', { name: 'Edit' }).click()
    await page.locator('#inbound-form-action').click()
    await page.getByRole('option', { name: 'Create a ticket' }).click()
    await page.locator('#map-title').fill('alert.')
    await expect(page.getByText(/unexpected|syntax|expected/i).first()).toBeVisible()
    await page.locator('#map-title').fill('')
    await page.getByRole('region', { name: 'Captured sample' }).getByRole('button', { name: 'alert.message' }).click()
    await expect(page.locator('#map-title')).toHaveText('alert.message')
    await expect(page.locator('#gives-title')).toContainText('Lift 3 stands')
    await expect(page.locator('#inbound-preview-effect')).toContainText('would be taken')
    await panel.getByRole('button', { name: 'Save' }).click()

    const log = page.getByRole('table', { name: 'Received deliveries' })
    await log.getByRole('button').first().click()
    await expect(page.locator('#inbound-delivery-body')).toContainText('Lift 3 stands')
    await panel.getByRole('button', { name: 'Show what would be done' }).click()
    await expect(page.getByText(/^Now and then/)).toBeVisible()
    await panel.getByRole('button', { name: 'Replay as configured now' }).click()
    await expect(panel.getByText('Handled', { exact: true })).toBeVisible()
    await expect(panel.getByText('Replay of')).toBeVisible()
  })

  test('tests with a body of their own, switches off and on, rotates and deletes', async ({ page }) => {
    await create(page, 'To be tested')
    const panel = page.getByRole('dialog', { name: /To be tested/ })
    await panel.getByRole('button', { name: 'Send test' }).click()
    await page.getByRole('dialog', { name: 'Test To be tested' }).getByLabel('Body').fill('{"a": 1}')
    await page.getByRole('dialog', { name: 'Test To be tested' }).getByRole('button', { name: 'Send test' }).click()
    await expect(page.getByRole('dialog', { name: 'Test To be tested' }).getByText(/^Answered \d+/)).toBeVisible()
    await page.getByRole('dialog', { name: 'Test To be tested' }).getByRole('button', { name: 'Cancel' }).click()
    await panel.getByRole('button', { name: 'Rotate secret' }).click()
    await page.getByRole('dialog', { name: /^Rotate/ }).getByRole('button', { name: 'Rotate', exact: true }).click()
    await expect(page.locator('#signing-secret')).toBeVisible()
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await panel.getByRole('button', { name: 'Close' }).click()
    const active = page.getByRole('switch', { name: 'To be tested is active' })
    await active.press('Space')
    await expect(active).not.toBeChecked()
    await page.reload()
    await expect(active).not.toBeChecked()
    await page.getByRole('table', { name: 'Inbound webhooks' }).getByRole('link', { name: 'To be tested' }).click()
    await panel.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog', { name: 'Delete To be tested?' }).getByRole('button', { name: 'Delete' }).click()
    await expect(page.getByRole('row', { name: 'To be tested' })).toHaveCount(0)
  })

  test('sees the inputs of each scheme alone, and what a known sender needs (T134-T136)', async ({ page }) => {
    await page.goto('/console/settings/webhooks')
    await page.getByRole('button', { name: 'New inbound webhook' }).click()
    const form = page.getByRole('dialog')
    await expect(form.getByLabel('Header of the signature')).toBeVisible()
    await form.getByLabel('How senders prove themselves').selectOption('Token in the URL')
    await expect(form.getByLabel('Parameter of the URL')).toBeVisible()
    await expect(form.getByLabel('Header of the signature')).toHaveCount(0)
    await form.getByLabel('How senders prove themselves').selectOption('A known sender')
    await expect(form.getByRole('link', { name: "The sender's documentation" })).toBeVisible()
    await form.getByLabel('Slug, the end of its URL').fill('Bad Slug')
    await form.getByRole('button', { name: 'Create' }).click()
    await expect(form.getByText('Only a-z, 0-9 and hyphens.')).toBeVisible()
  })
})
