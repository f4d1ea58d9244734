// The workbench: filters, charts, live tail, editing, rotation; dead letters, events and the trail.
import { type Page } from '@playwright/test'

import { expect, test } from './demo'

const headers = { 'X-Requested-With': 'hookswitch' }
const destinations = (page: Page) => page.getByRole('table', { name: 'Destinations', exact: true })

/** By the API, as the signed-in person. */
async function make(page: Page, body: Record<string, unknown>): Promise<string> {
  const answer = await page.request.post('/api/v1/integrations/destinations', { headers, data: body })
  expect(answer.status(), await answer.text()).toBe(201)
  return ((await answer.json()) as { id: string }).id
}
async function publish(page: Page, event_type: string, payload: unknown, correlation_id?: string): Promise<string> {
  const answer = await page.request.post('/api/v1/events', { headers, data: { event_type, payload, correlation_id } })
  expect(answer.status(), await answer.text()).toBe(202)
  return ((await answer.json()) as { event_id: string }).event_id
}

test.describe('the workbench', () => {
  test.beforeEach(({ signIn }) => signIn('tenant_admin'))

  test('says how delivering goes, in words, figures and charts (R-037)', async ({ page }) => {
    const health = page.getByRole('region', { name: 'What flows' })
    await expect(health.getByRole('heading')).toBeVisible()
    await expect(health.locator('#health-delivered strong')).not.toHaveText('0')
    await expect(health.getByRole('img', { name: 'Attempts over time' }).locator('svg').first()).toBeVisible()
    await health.getByText('7 days').click()
    await expect(health.locator('#health-delivered strong')).not.toHaveText('0')
  })

  test('filters what is loaded without asking the server (R-039)', async ({ page, demo }) => {
    await make(page, { name: 'Switched off', endpoint_url: `http://${demo.receiver}/off`, enabled: false })
    await page.reload()
    await expect(destinations(page).getByRole('row', { name: 'Switched off' })).toBeVisible()
    await page.waitForLoadState('networkidle')
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.locator('label[for=destinations-filter-disabled]').click()
    await expect(destinations(page).getByRole('row', { name: 'Switched off' })).toBeVisible()
    await expect(destinations(page).getByRole('row', { name: 'Test endpoint' })).toHaveCount(0)
    await page.locator('label[for=destinations-filter-enabled]').click()
    await expect(destinations(page).getByRole('row', { name: 'Switched off' })).toHaveCount(0)
    expect(asked.filter((url) => url.includes('/api/'))).toEqual([])
  })

  test('watches live, and says when it does not (R-043)', async ({ page }) => {
    await expect(page.locator('#live-state')).toHaveText('Not live')
    await page.locator('label[for=live-switch]').click()
    await expect(page.locator('#live-state')).toHaveText(/^Live since/)
    await publish(page, 'order.created', { order: 'live-1' })
    await expect(page.getByRole('table', { name: 'What happens now' }).getByRole('link', { name: 'order.created' }).first()).toBeVisible()
    await page.locator('label[for=live-switch]').click()
    await expect(page.locator('#live-state')).toHaveText('Not live')
  })

  test('edits every field with a preview of what would be sent (R-060)', async ({ page, demo }) => {
    const id = await make(page, { name: 'To be edited', endpoint_url: `http://${demo.receiver}/edited` })
    await page.goto(`/console/integrations?destination=${id}`)
    await page.getByRole('button', { name: 'Edit' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('Name', { exact: true }).fill('Was edited')
    await form.getByLabel('Filter (JSONata)').fill('payload.')
    await expect(form.getByText(/character \d+/).first()).toBeVisible()
    await form.getByLabel('Filter (JSONata)').fill('false')
    await expect(form.getByText('The filter does not let this event through.')).toBeVisible()
    await form.getByLabel('Filter (JSONata)').fill('')
    await form.getByLabel('Transform (JSONata)').fill("{ 'kind': event_type }")
    await expect(form.locator('#destination-form-preview-body')).toContainText('"kind"')
    await form.getByLabel('Timeout in milliseconds').fill('7000')
    await form.getByRole('button', { name: 'Save' }).click()
    const panel = page.getByRole('region', { name: 'Destination Was edited' })
    await expect(panel.getByText('7 secs')).toBeVisible()
    await expect(panel.getByText("{ 'kind': event_type }")).toBeVisible()
  })

  test('is told in the form what the server refuses', async ({ page, demo }) => {
    const id = await make(page, { name: 'Refused', endpoint_url: `http://${demo.receiver}/refused` })
    await page.goto(`/console/integrations?destination=${id}`)
    await page.getByRole('button', { name: 'Edit' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('Endpoint URL (https)').fill('http://10.0.0.5/hook')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText(/private or reserved address/)).toBeVisible()
  })

  test('rotates a secret with an overlap and ends it', async ({ page, demo }) => {
    const id = await make(page, { name: 'Rotated', endpoint_url: `http://${demo.receiver}/rotated` })
    await page.goto(`/console/integrations?destination=${id}`)
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Rotate secret' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate', exact: true }).click()
    await expect(page.locator('#signing-secret')).toHaveText(/^whsec_/)
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await expect(page.getByText(/^Both secrets sign until/)).toBeVisible()
    await page.getByRole('button', { name: 'End the overlap now' }).click()
    await expect(page.getByText(/^Both secrets sign until/)).toHaveCount(0)
  })

  test('shows the whole URL on demand, and deletes after asking', async ({ page, demo }) => {
    const id = await make(page, { name: 'To be deleted', endpoint_url: `http://${demo.receiver}/hidden-path` })
    await page.goto(`/console/integrations?destination=${id}`)
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Show the whole URL' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Show', exact: false }).last().click()
    await expect(page.getByText('/hidden-path')).toBeVisible()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'More actions' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect(page.getByText('To be deleted is deleted.')).toBeVisible()
    await expect(destinations(page).getByRole('row', { name: 'To be deleted' })).toHaveCount(0)
  })
})

test('a dead letter is explained, replayed by a job and shown in the trail (R-019, R-071, R-072)', async ({ page, demo, signedIn }) => {
  await signedIn('tenant_admin')
  // The test endpoint has no such place.
  const never = await make(page, {
    name: 'Never there',
    endpoint_url: `http://${demo.receiver}/no/such/place`,
    event_types: ['lost.*'],
    policy: { max_attempts: 1, schedule_seconds: [0], timeout_ms: 1000 },
  })
  await publish(page, 'lost.letter', { letter: 1 })
  await publish(page, 'lost.letter', { letter: 2 })
  await expect
    .poll(async () => {
      const answer = await page.request.get('/api/v1/integrations/dead-letters?event_type=lost.letter&destination_id=' + never)
      return ((await answer.json()) as { data: unknown[] }).data.length
    })
    .toBe(2)
  await page.goto('/console/dead-letters?type=lost.letter&destination=' + never)
  const table = page.getByRole('table', { name: 'Dead letters' })
  await table.getByRole('link').first().click()
  const panel = page.getByRole('dialog')
  await expect(panel.getByText("Review the receiver's health first, then replay.")).toBeVisible()
  await expect(panel.getByText(/"letter": \d/)).toBeVisible()
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Replay all that match' }).click()
  await expect(page.getByText('2 dead letters match.')).toBeVisible()
  await page.getByRole('button', { name: 'Replay 2' }).click()
  await expect(page.getByText('The job is started.')).toBeVisible()
  await page.getByRole('button', { name: /that ended/ }).click()
  await expect(page.getByText('2 of 2').first()).toBeVisible()

  await page.goto('/console/audit')
  await page.getByLabel('What', { exact: true }).fill('delivery.dead_lettered')
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  await expect(page.getByRole('table', { name: 'Audit trail' }).getByRole('link').first()).toHaveText('delivery.dead_lettered')
  await page.getByRole('button', { name: 'Check the chain' }).click()
  await expect(page.getByText('The chain holds')).toBeVisible()
})

test('an event is found and its story told', async ({ page, signedIn }) => {
  await signedIn('tenant_admin')
  const id = await publish(page, 'order.created', { city: 'Curitiba' }, 'story-1')
  await page.goto('/console/events')
  await page.getByLabel('Payload holds').fill('curitiba')
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  const table = page.getByRole('table', { name: 'Events' })
  await expect(table.getByRole('link')).toHaveCount(1)
  await table.getByRole('link').click()
  const panel = page.getByRole('dialog')
  await expect(panel.getByText(id).first()).toBeVisible()
  await expect(panel.getByRole('link', { name: 'Attempt 1' }).first()).toBeVisible()
  await page.goto('/console/events?correlation=story-1')
  await expect(page.getByRole('table', { name: 'Events' }).getByRole('link')).toHaveCount(1)
})

for (const role of ['operator', 'auditor'] as const) {
  test(`an ${role} reads dead letters, events and the trail, and changes nothing`, async ({ page, signedIn }) => {
    await signedIn(role)
    await page.goto('/console/dead-letters')
    await expect(page.getByRole('heading', { name: 'Dead letters', level: 1 })).toBeVisible()
    await expect(page.getByRole('button', { name: /Replay|Discard/ })).toHaveCount(0)
    await page.goto('/console/events')
    await expect(page.getByRole('table', { name: 'Events' })).toBeVisible()
    await expect(page.getByLabel('Payload holds')).toHaveCount(role === 'operator' ? 1 : 0)
    await page.goto('/console/audit')
    await expect(page.getByRole('table', { name: 'Audit trail' })).toBeVisible()
  })
}
