// In and out in one: a signed request becomes a ticket, and the console shows both.
import { createHmac } from 'node:crypto'

import type { Page } from '@playwright/test'

import { expect, test } from './demo'

// What the console itself sends with every write.
const headers = { 'X-Requested-With': 'hookswitch' }

async function createWebhook(page: Page, name: string): Promise<{ url: string; secret: string }> {
  const slug = name.toLowerCase().replaceAll(' ', '-')
  const config = { type: 'hmac_sha256', signature_header: 'X-Signature' }
  const handler = { type: 'direct_action', action: 'createTicket', field_mapping: { title: 'alert.title' } }
  const data = { name, slug, auth_type: config.type, auth_config: config, handler_type: handler.type, handler_config: handler }
  const answer = await page.request.post('/api/v1/inbound-webhooks', { headers, data })
  expect(answer.status(), await answer.text()).toBe(201)
  return (await answer.json()) as { url: string; secret: string }
}

async function send(page: Page, { url, secret }: { url: string; secret: string }, body: string) {
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  return page.request.post(url, { headers: { 'content-type': 'application/json', 'X-Signature': signature }, data: body })
}

test('what an inbound webhook received leads to its ticket', async ({ page, signedIn }) => {
  await signedIn('tenant_admin')
  const webhook = await createWebhook(page, 'Door sensors')
  await page.goto('/console/settings/webhooks')
  await page.getByRole('link', { name: 'Door sensors' }).click()
  const panel = page.getByRole('dialog')
  await expect(panel.getByText('Nothing was received yet')).toBeVisible()
  // The command to copy holds a body that this webhook's mapping understands.
  await expect(panel.getByText(/"alert":\{"title"/)).toBeVisible()

  expect((await send(page, webhook, JSON.stringify({ alert: { title: 'Door 7 is open' } }))).status()).toBe(200)
  expect((await send(page, webhook, JSON.stringify({ alert: {} }))).status()).toBe(400)
  expect((await send(page, { ...webhook, secret: 'wrong' }, '{}')).status()).toBe(401)
  await panel.getByRole('button', { name: 'Refresh' }).click()
  await expect(panel.getByRole('table').getByText('Failed', { exact: true })).toBeVisible()
  await expect(panel.getByText('The signature is wrong.')).toBeVisible()
  await expect(panel.getByRole('table').getByText('Handled', { exact: true })).toBeVisible()
  await panel.getByRole('link', { name: 'Open the ticket' }).click()
  await expect(page.getByRole('dialog').getByText('Door 7 is open')).toBeVisible()
})

test('a tenant that receives nothing says so, and its admin switches it on', async ({ page, signedIn }) => {
  await signedIn('tenant_admin', 'globex')
  const off = await page.request.put('/api/v1/features', { headers, data: { inbound_webhooks_enabled: false } })
  expect(off.status(), await off.text()).toBe(200)
  await page.goto('/console/settings/webhooks')
  const message = page.getByText('Inbound webhooks are switched off for this tenant')
  await expect(message).toBeVisible()
  await page.getByRole('switch', { name: 'Receive inbound webhooks' }).click()
  await expect(message).toHaveCount(0)
})
