// People, tokens, rules of notification, settings, the event catalogue, checking signatures, and the palette.
import { createHmac } from 'node:crypto'

import { expect, test } from './demo'

test.describe('a tenant admin', () => {
  test.beforeEach(({ signIn }) => signIn('tenant_admin'))

  test('adds a user and takes them away', async ({ page }) => {
    await page.goto('/console/settings/people')
    await page.getByRole('button', { name: 'Add a user' }).click()
    const form = page.getByRole('dialog')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText('Enter your email address.')).toBeVisible()
    await form.getByLabel('Email').fill('new@acme.example')
    await form.getByLabel('Name').fill('New Person')
    await form.getByLabel('Password', { exact: true }).fill('a long enough password 1')
    await form.getByRole('button', { name: 'Save' }).click()
    const row = page.getByRole('table', { name: 'Users' }).getByRole('row', { name: 'New Person' })
    await expect(row).toContainText('operator')
    await row.getByRole('button').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog', { name: 'Delete New Person?' }).getByRole('button', { name: 'Delete' }).click()
    await expect(row).toHaveCount(0)
  })

  test('makes a role of chosen permissions', async ({ page }) => {
    await page.goto('/console/settings/people?tab=roles')
    await page.getByLabel('New role').fill('release_manager')
    await page.getByLabel('delivery:replay').check()
    await page.getByRole('button', { name: 'Create' }).click()
    await expect(page.getByRole('button', { name: /release_manager/ })).toBeVisible()
  })

  test('makes a token, sees it once and revokes it', async ({ page }) => {
    await page.goto('/console/settings/people?tab=tokens')
    await page.getByLabel('New token').fill('billing service')
    await page.getByRole('button', { name: 'Create' }).click()
    const token = await page.locator('#signing-secret').innerText()
    expect(token).toMatch(/^hsk_/)
    await page.getByRole('button', { name: 'I have stored it' }).click()
    const row = page.getByRole('table', { name: 'Tokens' }).getByRole('row', { name: 'billing service' })
    await row.getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await expect(row).toContainText('revoked')
    await page.reload()
    await expect(row).toBeVisible()
    await expect(page.getByText(token)).toHaveCount(0)
  })

  test('adds a rule of notification', async ({ page }) => {
    await page.goto('/console/settings/notifications')
    await page.getByRole('button', { name: 'Add a rule' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('Name').fill('night watch')
    await form.getByLabel('Channel').selectOption('Slack')
    await form.getByLabel("Address of the chat's webhook").fill('http://10.0.0.5/chat')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText(/private or reserved/)).toBeVisible()
    await form.getByLabel("Address of the chat's webhook").fill('https://hooks.slack.com/services/T0/B0/x')
    await form.getByLabel('many dead letters').check()
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByRole('table', { name: 'Notifications' }).getByRole('row', { name: 'night watch' })).toContainText('many dead letters')
  })

  test('changes the policy, a setting, and stops and starts sending', async ({ page }) => {
    await page.goto('/console/settings/tenant')
    await page.getByLabel('Timeout in milliseconds').fill('1')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByLabel('Timeout in milliseconds')).toHaveAccessibleDescription(/\d/)
    await page.getByLabel('Timeout in milliseconds').fill('14000')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByText('Saved.').first()).toBeVisible()
    await page.getByRole('button', { name: 'Pause all sending' }).click()
    await expect(page.getByText('Sending is paused for the whole tenant.')).toBeVisible()
    await page.goto('/console/integrations')
    await expect(page.getByRole('heading', { name: 'Sending is paused' })).toBeVisible()
    await page.getByRole('button', { name: 'Resume sending' }).click()
    await expect(page.getByRole('heading', { name: 'Sending is paused' })).toHaveCount(0)
  })

  test('registers an event type with its schema', async ({ page }) => {
    await page.goto('/console/event-types')
    await page.getByRole('button', { name: 'Register a type' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('Event type').fill('parcel.lost')
    await form.getByLabel('JSON Schema of the payload').fill('{"type": 7}')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByLabel('JSON Schema of the payload')).toHaveAccessibleDescription(/schema|type/i)
    await form.getByLabel('JSON Schema of the payload').fill('{"type": "object"}')
    await form.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('table', { name: 'Event catalogue' }).getByRole('link', { name: 'parcel.lost' }).click()
    await expect(page.locator('#event-type-schema')).toContainText('"object"')
  })

  test('checks a signature without sending anything', async ({ page }) => {
    await page.goto('/console/verify')
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    const timestamp = Math.floor(Date.now() / 1000)
    const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(`msg_1.${timestamp}.{"a":1}`).digest('base64')
    await page.waitForLoadState('networkidle')
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.getByLabel('Headers').fill(`webhook-id: msg_1\nwebhook-timestamp: ${timestamp}\nwebhook-signature: v1,${signature}`)
    await page.getByLabel('Body').fill('{"a":1}')
    await page.getByLabel('Signing secret').fill(secret)
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(page.getByText('The signature is good')).toBeVisible()
    await page.getByLabel('Body').fill('{ "a": 1 }')
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(page.getByText(/compact JSON/)).toBeVisible()
    expect(asked).toEqual([])
  })

  test('goes anywhere by keyboard', async ({ page }) => {
    await expect(page.getByRole('heading', { name: 'Integrations', level: 1 })).toBeVisible()
    await page.keyboard.press('Control+K')
    await page.getByLabel('Page, destination, webhook').fill('audit')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { name: 'Audit trail', level: 1 })).toBeVisible()
    await page.keyboard.press('Control+K')
    await page.getByLabel('Page, destination, webhook').fill('Test endpoint')
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/destination=dst_/)
  })
})

for (const role of ['operator', 'auditor'] as const) {
  test(`an ${role} is not led to what their role may not do`, async ({ page, signIn }) => {
    await signIn(role)
    await expect(page.getByRole('link', { name: 'People and tokens' })).toHaveCount(0)
    await page.goto('/console/settings/people')
    await expect(page.getByRole('heading', { name: 'Your role does not include this page' })).toBeVisible()
    await page.goto('/console/settings/notifications')
    await expect(page.getByRole('heading', { name: 'Notifications', level: 1 })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Add a rule' })).toHaveCount(0)
    await page.goto('/console/settings/tenant')
    await expect(page.getByRole('switch', { name: 'Strict event catalogue' })).toBeDisabled()
    await expect(page.getByRole('button', { name: 'Save' })).toHaveCount(0)
  })
}
