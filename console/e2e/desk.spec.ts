// The desk's records as each role: found, read, made, changed against a colleague, taken through their life.
import { createHmac, randomUUID } from 'node:crypto'

import type { Page } from '@playwright/test'

import { type Demo, expect, test } from './demo'

const written = { 'X-Requested-With': 'hookswitch' }
const panel = (page: Page) => page.getByRole('dialog')
const table = (page: Page, name: string) => page.getByRole('table', { name, exact: true })

type Made = { id: string; version: number }
/** As the person who is signed in, over the API. */
async function make(page: Page, noun: string, data: object): Promise<Made> {
  const answer = await page.request.post(`/api/v1/${noun}`, { data, headers: { ...written, 'Idempotency-Key': randomUUID() } })
  expect(answer.ok(), await answer.text()).toBe(true)
  return (await answer.json()) as Made
}

test.describe('a tenant admin', () => {
  test.beforeEach(({ signedIn }) => signedIn('tenant_admin'))

  test('makes a client, finds it, changes it and deletes it', async ({ page }) => {
    await page.goto('/console/desk/clients')
    await page.getByRole('button', { name: 'New' }).click()
    await panel(page).getByRole('button', { name: 'Save' }).click()
    await expect(panel(page).getByText('This is needed.')).toBeVisible()
    await panel(page).getByLabel('Name').fill('Zephyr Ltd')
    await panel(page).getByLabel('City').fill('Kiel')
    await panel(page).getByRole('button', { name: 'Save' }).click()
    await expect(page).toHaveURL(/record=cli_/)
    await expect(panel(page).getByText('Kiel')).toBeVisible()

    await panel(page).getByRole('button', { name: 'Edit' }).click()
    await panel(page).getByLabel('City').fill('Bremen')
    await panel(page).getByRole('button', { name: 'Save' }).click()
    await panel(page).getByRole('tab', { name: 'History' }).click()
    const changes = panel(page).getByRole('table', { name: 'History' })
    await expect(changes.getByRole('row', { name: 'City' })).toContainText('Kiel')
    await expect(changes.getByRole('row', { name: 'City' })).toContainText('Bremen')

    await panel(page).getByRole('button', { name: 'Close' }).click()
    await page.getByLabel('Name begins with').fill('zeph')
    await expect(page).toHaveURL(/q=zeph/)
    await expect(table(page, 'Clients').getByRole('link')).toHaveCount(1)
    await table(page, 'Clients').getByRole('link').click()
    await panel(page).getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog', { name: 'Delete Zephyr Ltd?' }).getByRole('button', { name: 'Delete' }).click()
    await expect(page.getByText('Nothing matches')).toBeVisible()
  })

  test('is told what keeps a record from being deleted', async ({ page }) => {
    const client = await make(page, 'clients', { client_name: 'Kept' })
    await make(page, 'contacts', { full_name: 'Keeper', client_id: client.id })
    await page.goto(`/console/desk/clients?record=${client.id}`)
    await panel(page).getByRole('button', { name: 'Delete' }).click()
    const asked = page.getByRole('dialog', { name: 'Delete Kept?' })
    await asked.getByRole('button', { name: 'Delete' }).click()
    await expect(asked.getByText(/names this client/)).toBeVisible()
  })

  test('loses nothing when a colleague was quicker: the conflict is explained, and both changes stay', async ({ page }) => {
    const client = await make(page, 'clients', { client_name: 'Contested', city: 'Kiel' })
    await page.goto(`/console/desk/clients?record=${client.id}`)
    await panel(page).getByRole('button', { name: 'Edit' }).click()
    await panel(page).getByLabel('City').fill('Bremen')
    const theirs = await page.request.patch(`/api/v1/clients/${client.id}`, { data: { email: 'they@example.com' }, headers: written })
    expect(theirs.ok()).toBe(true)
    await panel(page).getByRole('button', { name: 'Save' }).click()
    await expect(panel(page).getByText('Somebody else changed this since you opened it')).toBeVisible()
    await panel(page).getByRole('button', { name: 'Load the newest state' }).click()
    await expect(panel(page).getByText('Changed meanwhile: Email')).toBeVisible()
    await expect(panel(page).getByLabel('Email', { exact: true })).toHaveValue('they@example.com')
    await expect(panel(page).getByLabel('City')).toHaveValue('Bremen')
    await panel(page).getByRole('button', { name: 'Save' }).click()
    await expect(panel(page).getByText('they@example.com')).toBeVisible()
    await expect(panel(page).getByText('Bremen')).toBeVisible()
  })

  test('takes an alert through its life and makes a ticket of it', async ({ page }) => {
    const alert = await make(page, 'alerts', { title: 'Sign-in from nowhere', severity: 'high' })
    await page.goto(`/console/desk/alerts?record=${alert.id}`)
    await panel(page).getByRole('button', { name: 'Acknowledge' }).click()
    await expect(panel(page).getByText('Acknowledged', { exact: true }).first()).toBeVisible()
    await panel(page).getByRole('button', { name: 'Assign to me' }).click()
    await expect(panel(page).getByText(/^You \(/)).toBeVisible()
    await panel(page).getByRole('button', { name: 'Make a ticket' }).click()
    await expect(page).toHaveURL(/desk\/tickets\?record=tkt_/)
    await expect(panel(page).getByRole('heading', { name: 'Sign-in from nowhere' })).toBeVisible()
    await panel(page).getByRole('tab', { name: 'Related' }).click()
    await panel(page).getByRole('link', { name: 'Sign-in from nowhere' }).click()
    await expect(page).toHaveURL(new RegExp(`desk/alerts\\?record=${alert.id}`))
    await panel(page).getByRole('button', { name: 'Resolve' }).click()
    await expect(panel(page).getByRole('button', { name: 'Open again' })).toBeVisible()
  })

  test('works on a ticket: status, comment, tag, asset, name elsewhere', async ({ page }) => {
    const ticket = await make(page, 'tickets', { title: 'Everything at once' })
    await page.goto(`/console/desk/tickets?record=${ticket.id}`)
    await panel(page).getByRole('button', { name: 'Change status' }).click()
    await page.getByRole('menuitem', { name: 'In progress' }).click()
    await expect(panel(page).getByRole('link', { name: 'In progress' })).toBeVisible()

    await panel(page).getByRole('combobox', { name: 'Add a tag' }).or(panel(page).getByLabel('Add a tag')).first().fill('urgent-matter')
    await panel(page).getByRole('button', { name: 'Add', exact: true }).click()
    await expect(panel(page).getByRole('button', { name: 'Take off the tag urgent-matter' })).toBeVisible()

    await panel(page).getByLabel('Inbound webhook (slug)').fill('monitoring')
    await panel(page).getByLabel('Id there').fill('M-77')
    await panel(page).getByRole('button', { name: 'Link', exact: true }).click()
    await expect(panel(page).getByText('M-77')).toBeVisible()

    await panel(page).getByRole('tab', { name: 'Comments' }).click()
    await panel(page).getByLabel('Comment', { exact: true }).fill('<b>Ordered</b> a disk.')
    await panel(page).getByRole('button', { name: 'Add comment' }).click()
    await expect(panel(page).getByText('<b>Ordered</b> a disk.')).toBeVisible()

    await panel(page).getByRole('tab', { name: 'Related' }).click()
    await panel(page).getByLabel('Add an asset').click()
    await page.getByRole('option', { name: 'SRV-01' }).click()
    await expect(panel(page).getByRole('link', { name: 'SRV-01' })).toBeVisible()
  })

  test('marks an invoice as paid', async ({ page }) => {
    const invoice = await make(page, 'invoices', { total_amount: 129_900, currency_code: 'EUR', status: 'sent' })
    await page.goto(`/console/desk/invoices?record=${invoice.id}`)
    await expect(panel(page).getByText('€1,299.00')).toBeVisible()
    await panel(page).getByRole('button', { name: 'Mark as paid' }).click()
    const asked = page.getByRole('dialog', { name: 'Mark as paid' })
    await asked.getByLabel('Payment reference').fill('SEPA-1')
    await asked.getByRole('button', { name: 'Mark as paid' }).click()
    await expect(panel(page).getByText('SEPA-1')).toBeVisible()
    await expect(panel(page).getByRole('button', { name: 'Mark as paid' })).toHaveCount(0)
  })

  test('plans a project with phases and tasks, from the project itself', async ({ page }) => {
    const project = await make(page, 'projects', { project_name: 'Move the office' })
    await make(page, 'project-phases', { project_id: project.id, phase_name: 'Packing' })
    await page.goto(`/console/desk/projects?record=${project.id}&tab=related`)
    await expect(panel(page).getByRole('link', { name: 'Packing' })).toBeVisible()
    await panel(page).getByRole('link', { name: 'New: Project task' }).click()
    await expect(panel(page).getByLabel('Project')).toHaveValue('Move the office')
    await panel(page).getByLabel('Name').fill('Order boxes')
    await panel(page).getByRole('button', { name: 'Save' }).click()
    await expect(page).toHaveURL(/project-tasks\?.*record=ptk_/)
    await expect(panel(page).getByRole('link', { name: 'Move the office' })).toBeVisible()
  })

  test('follows a ticket to the request that made it, its events, and from a delivery back to the ticket', async ({ page, demo }) => {
    await sendAlert(page, demo, 'e2e-origin')
    await page.goto('/console/desk/tickets?external_id=e2e-origin')
    await table(page, 'Tickets').getByRole('link').first().click()
    await panel(page).getByRole('region', { name: 'Where it is from' }).getByRole('link', { name: /^ind_/ }).click()
    await expect(page).toHaveURL(/settings\/webhooks\?webhook=\w+&delivery=ind_/)
    await expect(panel(page)).toBeVisible()
    await page.goBack()
    await panel(page).getByRole('region', { name: 'Where it is from' }).getByRole('link', { name: 'Show them' }).first().click()
    await expect(page).toHaveURL(/events\?correlation=ind_/)
    await expect(table(page, 'Events').getByRole('link', { name: 'ticket.created' })).toBeVisible()

    await page.goto('/console/deliveries')
    await table(page, 'Deliveries').getByRole('link', { name: /ticket\.created/ }).first().click()
    await expect(panel(page).getByRole('link', { name: 'Events of this correlation' })).toBeVisible()
    await expect(panel(page).getByRole('link', { name: 'The inbound delivery that began it' })).toBeVisible()
    await panel(page).getByRole('link', { name: 'Ticket', exact: true }).click()
    await expect(page).toHaveURL(/desk\/tickets\?record=tkt_/)
  })

  test('an address from before leads to the same ticket', async ({ page }) => {
    const ticket = await make(page, 'tickets', { title: 'Old address' })
    await page.goto(`/console/tickets?ticket=${ticket.id}`)
    await expect(panel(page).getByRole('heading', { name: 'Old address' })).toBeVisible()
  })

  test('opens a record by its id from the palette, and folds a part of the navigation', async ({ page }) => {
    const client = await make(page, 'clients', { client_name: 'By id' })
    await page.goto('/console/desk')
    await page.getByRole('button', { name: 'Outbound' }).click()
    await expect(page.getByRole('link', { name: 'Dead letters' })).toBeHidden()
    await page.reload()
    await expect(page.getByRole('button', { name: 'Outbound' })).toHaveAttribute('aria-expanded', 'false')
    await page.keyboard.press('Control+K')
    await page.getByLabel('Page, destination, webhook').fill(client.id)
    await page.getByText(`Open record ${client.id}`).click()
    await expect(panel(page).getByRole('heading', { name: 'By id' })).toBeVisible()
  })
})

/** A signed request, as a monitoring system sends it. */
async function sendAlert(page: Page, demo: Demo, id: string) {
  const webhooks = await page.request.get('/api/v1/inbound-webhooks')
  const [webhook] = ((await webhooks.json()) as { data: { id: string; url: string }[] }).data
  if (!webhook) throw new Error('the demo has no inbound webhook')
  const rotated = await page.request.post(`/api/v1/inbound-webhooks/${webhook.id}/rotate-secret`, { data: {}, headers: { ...written, 'Idempotency-Key': randomUUID() } })
  const { secret } = (await rotated.json()) as { secret: string }
  const body = JSON.stringify({ alert: { id, message: 'Disk full', severity: 'high', seen_at: '2026-01-31T12:00:00Z', device: { name: 'SRV-E2E', site: 'Kiel' } } })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const answer = await fetch(`${demo.url}${new URL(webhook.url, demo.url).pathname}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Signature': signature },
    body,
  })
  expect(answer.ok, await answer.text()).toBe(true)
}

test('an operator handles alerts and changes no record', async ({ page, signedIn }) => {
  await signedIn('tenant_admin')
  const alert = await make(page, 'alerts', { title: 'For the operator' })
  await page.context().clearCookies()
  await signedIn('operator')
  await page.goto(`/console/desk/alerts?record=${alert.id}`)
  await panel(page).getByRole('button', { name: 'Acknowledge' }).click()
  await panel(page).getByRole('button', { name: 'Assign to me' }).click()
  await expect(panel(page).getByText(/^You \(/)).toBeVisible()
  for (const name of ['Edit', 'Delete', 'Resolve', 'Make a ticket']) {
    await expect(panel(page).getByRole('button', { name, exact: true })).toHaveCount(0)
  }
  await page.goto('/console/desk/clients')
  await expect(table(page, 'Clients')).toBeVisible()
  await expect(page.getByRole('button', { name: 'New' })).toHaveCount(0)
})

const kinds = ['tickets', 'alerts', 'evidence', 'clients', 'contacts', 'assets', 'projects', 'time-entries', 'invoices', 'tags']

test('an auditor reads every kind of record, redacted, and is offered no change', async ({ page, signedIn }) => {
  await signedIn('auditor')
  for (const kind of kinds) {
    await page.goto(`/console/desk/${kind}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await expect(page.getByRole('button', { name: 'New' })).toHaveCount(0)
  }
  await page.goto('/console/desk/clients')
  await table(page, 'Clients').getByRole('link').first().click()
  await expect(panel(page).getByText('Your role sees this record without its contents.')).toBeVisible()
  await expect(panel(page).getByRole('button', { name: /Edit|Delete|Add|Link/ })).toHaveCount(0)
  // The address of a form does not open one.
  await page.goto('/console/desk/clients?making=yes')
  await expect(table(page, 'Clients')).toBeVisible()
  await expect(page.locator('#record-form')).toHaveCount(0)
})
