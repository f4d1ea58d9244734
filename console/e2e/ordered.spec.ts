// Ordered destinations: switched on in the form; what waits under each key; and how a key goes on whose head fails.
import type { Page } from '@playwright/test'

import { expectAccessible } from './checks'
import { expect, test } from './demo'

const headers = { 'X-Requested-With': 'hookswitch' }

/** The test endpoint has no such place, and the next try is an hour away: what is first stays first. */
async function stuck(page: Page, receiver: string, name: string, ordered: boolean): Promise<string> {
  const policy = { max_attempts: 3, schedule_seconds: [0, 3600, 3600], timeout_ms: 5000 }
  const data = { name, endpoint_url: `http://${receiver}/no/such/place`, event_types: [`${name}.*`], policy, ordered }
  const answer = await page.request.post('/api/v1/integrations/destinations', { headers, data })
  expect(answer.status(), await answer.text()).toBe(201)
  return ((await answer.json()) as { id: string }).id
}

async function publish(page: Page, name: string, ordering_key: string, times: number) {
  for (let number = 1; number <= times; number += 1) {
    const data = { event_type: `${name}.made`, payload: { number }, ordering_key }
    const answer = await page.request.post('/api/v1/events', { headers, data })
    expect(answer.status(), await answer.text()).toBe(202)
  }
}

test('a destination keeps the order of events, and people help a key whose head fails', async ({ page, demo, signedIn }) => {
  await signedIn('tenant_admin')
  const id = await stuck(page, demo.receiver, 'stuck', false)
  await page.goto(`/console/integrations?destination=${id}`)
  await page.getByRole('button', { name: 'Edit' }).click()
  const form = page.getByRole('dialog')
  await form.getByRole('switch', { name: 'Keep the order of events' }).click()
  await form.getByRole('button', { name: 'Save' }).click()
  const panel = page.getByRole('region', { name: 'Destination stuck' })
  await expect(panel.getByText('One after the other per ordering key')).toBeVisible()
  await expect(panel.getByText('Nothing waits.')).toBeVisible()

  await publish(page, 'stuck', 'order-1', 3)
  await publish(page, 'stuck', 'order-2', 1)
  const line = (key: string) => panel.getByRole('table', { name: 'Lines' }).getByRole('row', { name: key })
  await expect(async () => {
    await page.reload()
    await expect(line('order-1').getByText('Retry scheduled')).toBeVisible({ timeout: 5000 })
  }).toPass()
  await expect(line('order-1')).toContainText('3 deliveries')
  await expect(line('order-2')).toContainText('1 delivery')
  await expectAccessible(page)

  await line('order-1').getByRole('button', { name: 'Skip' }).click()
  const ask = page.getByRole('dialog', { name: 'The first in line of order-1' })
  await ask.getByRole('button', { name: 'Skip' }).click()
  await expect(page.getByText('It is skipped.')).toBeVisible()
  await expect(line('order-1')).toContainText('2 deliveries')
  await line('order-1').getByRole('button', { name: 'Set aside' }).click()
  await ask.getByRole('button', { name: 'Set aside' }).click()
  await expect(page.getByText('It is set aside.')).toBeVisible()
  await expect(line('order-1')).toContainText('1 delivery')
  const dead = await page.request.get(`/api/v1/integrations/dead-letters?destination_id=${id}`)
  expect(((await dead.json()) as { data: unknown[] }).data).toHaveLength(1)
  await line('order-2').getByRole('button', { name: 'Try now' }).click()
  await expect(page.getByText('It is tried now.')).toBeVisible()
})

for (const role of ['operator', 'auditor'] as const) {
  test(`an ${role} sees the lines and changes nothing`, async ({ page, demo, signedIn, context }) => {
    await signedIn('tenant_admin')
    const id = await stuck(page, demo.receiver, `seen-by-${role}`, true)
    await publish(page, `seen-by-${role}`, 'order-1', 2)
    await context.clearCookies()
    await signedIn(role)
    await page.goto(`/console/integrations?destination=${id}`)
    const table = page.getByRole('table', { name: 'Lines' })
    await expect(table.getByRole('row', { name: 'order-1' })).toContainText('2 deliveries')
    await expect(table.getByRole('button', { name: /Skip|Try now|Set aside/ })).toHaveCount(0)
  })
}
