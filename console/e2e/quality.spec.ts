// What holds on every page: accessible in both colour schemes, usable at 390 px, an id on everything
// that can be operated. A page is opened twice, at a desk and on a telephone, and looked at in each way.
import { type Page } from '@playwright/test'

import { expectAccessible, expectNamed, expectToFit } from './checks'
import { expect, test } from './demo'

const telephone = { width: 390, height: 844 }

/** Each page as an admin sees it, with what was opened there. */
const pages: [string, (page: Page) => Promise<void>][] = [
  ['destinations', (page) => page.goto('/console/integrations').then(() => page.getByRole('table').first().waitFor())],
  [
    'a destination',
    async (page) => {
      await page.goto('/console/integrations')
      await page.getByRole('table', { name: 'Destinations', exact: true }).getByRole('link').first().click()
      await page.getByRole('heading', { name: 'Settings' }).waitFor()
    },
  ],
  ['deliveries', (page) => page.goto('/console/deliveries').then(() => page.getByRole('table').waitFor())],
  [
    'a delivery',
    async (page) => {
      await page.goto('/console/deliveries?state=delivered')
      await page.getByRole('table').getByRole('link').first().click()
      await page.getByText('Attempt 1', { exact: true }).waitFor()
      const answer = page.getByRole('button', { name: 'Show the answer' })
      if ((await answer.count()) > 0) await answer.first().click()
    },
  ],
  ['inbound webhooks', (page) => page.goto('/console/settings/webhooks').then(() => page.getByRole('table').waitFor())],
  [
    'an inbound webhook',
    async (page) => {
      await page.goto('/console/settings/webhooks')
      await page.getByRole('table').getByRole('link').first().click()
      await page.getByRole('dialog').getByRole('button', { name: 'Refresh' }).waitFor()
    },
  ],
  [
    'editing an inbound webhook',
    async (page) => {
      await page.goto('/console/settings/webhooks')
      await page.getByRole('table').getByRole('link', { name: 'RMM alerts' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Edit' }).click()
      await page.getByLabel('Try it on').selectOption('a pasted body')
      await page.getByLabel('Body (JSON)').fill('{"alert":{"id":1,"message":"Full","device":{"name":"db-1"}},"list":[{"a":null}]}')
      await page.locator('#gives-title').waitFor()
      await page.getByRole('button', { name: 'Add a condition or more rules' }).click()
      await page.locator('#rule-1-when').fill('alert.')
      await page.getByText(/at character \d+/).first().waitFor()
      await page.getByRole('button', { name: 'Add a rule' }).click()
      await page.locator('#rule-2-when').waitFor()
    },
  ],
  [
    'connecting a sender',
    async (page) => {
      await page.goto('/console/settings/webhooks?add=sender')
      await page.getByRole('radio', { name: 'GitHub' }).click()
    },
  ],
  [
    'a signature by a descriptor',
    async (page) => {
      await page.goto('/console/settings/webhooks')
      await page.getByRole('button', { name: 'New inbound webhook' }).click()
      await page.getByLabel('How senders prove themselves').selectOption('Signature by a descriptor')
      await page.getByLabel('Begin with the signature of').selectOption('Stripe')
      await page.getByLabel('Off by at most (seconds)').waitFor()
    },
  ],
  [
    'editing a destination',
    async (page) => {
      await page.goto('/console/integrations')
      await page.getByRole('table', { name: 'Destinations', exact: true }).getByRole('link').first().click()
      await page.getByRole('button', { name: 'Edit' }).click()
      await page.locator('#destination-form-preview-verdict').waitFor()
    },
  ],
  ['dead letters', (page) => page.goto('/console/dead-letters').then(() => page.getByRole('heading', { level: 1 }).waitFor())],
  ['events', (page) => page.goto('/console/events').then(() => page.getByRole('table').waitFor())],
  [
    'an event',
    async (page) => {
      await page.goto('/console/events')
      await page.getByRole('table').getByRole('link').first().click()
      await page.getByText('Attempt 1').first().waitFor()
    },
  ],
  ['the audit trail', (page) => page.goto('/console/audit').then(() => page.getByRole('table').waitFor())],
  ['users', (page) => page.goto('/console/settings/people').then(() => page.getByRole('table').waitFor())],
  ['roles', (page) => page.goto('/console/settings/people?tab=roles').then(() => page.getByLabel('New role').waitFor())],
  ['tokens', (page) => page.goto('/console/settings/people?tab=tokens').then(() => page.getByRole('table').waitFor())],
  [
    'a rule of notification',
    async (page) => {
      await page.goto('/console/settings/notifications')
      await page.getByRole('button', { name: 'Add a rule' }).click()
      await page.getByRole('dialog').getByLabel('Name').waitFor()
    },
  ],
  ['settings', (page) => page.goto('/console/settings/tenant').then(() => page.getByLabel('Timeout in milliseconds').waitFor())],
  ['event types', (page) => page.goto('/console/event-types').then(() => page.getByRole('heading', { level: 1 }).waitFor())],
  ['checking a signature', (page) => page.goto('/console/verify').then(() => page.getByLabel('Headers').waitFor())],
  [
    'a new inbound webhook',
    async (page) => {
      await page.goto('/console/settings/webhooks')
      await page.getByRole('button', { name: 'New inbound webhook' }).click()
      await page.getByLabel('Slug, the end of its URL').waitFor()
    },
  ],
  ['outbound settings', (page) => page.goto('/console/settings/webhooks?tab=outbound').then(() => page.getByRole('table').waitFor())],
  ...(['tickets', 'alerts', 'clients', 'assets', 'invoices', 'projects', 'time-entries', 'evidence', 'tags'] as const).map(
    (noun): [string, (page: Page) => Promise<void>] => [
      `the list of ${noun}`,
      (page) => page.goto(`/console/desk/${noun}`).then(() => page.locator('#records-more, table, #records-empty').first().waitFor()),
    ],
  ),
  ['all records', (page) => page.goto('/console/desk').then(() => page.getByRole('heading', { level: 2 }).first().waitFor())],
  ...(['tickets', 'alerts', 'clients', 'assets', 'invoices', 'projects'] as const).map(
    (noun): [string, (page: Page) => Promise<void>] => [
      `one of ${noun}`,
      async (page) => {
        await page.goto(`/console/desk/${noun}`)
        await page.getByRole('table').getByRole('link').first().click()
        await page.getByRole('dialog').getByRole('region', { name: 'Where it is from' }).waitFor()
      },
    ],
  ),
  ...(['comments', 'related', 'history'] as const).map((tab): [string, (page: Page) => Promise<void>] => [
    `a ticket's ${tab}`,
    async (page) => {
      await page.goto('/console/desk/tickets')
      await page.getByRole('table').getByRole('link').first().click()
      await page.locator(`#record-tab-${tab}`).click()
      await page.getByRole('tabpanel').waitFor()
    },
  ]),
  ...(['tickets', 'contacts', 'invoices', 'tags'] as const).map((noun): [string, (page: Page) => Promise<void>] => [
    `a new one of ${noun}`,
    async (page) => {
      await page.goto(`/console/desk/${noun}?making=yes`)
      const form = page.getByRole('dialog')
      await form.getByRole('button', { name: 'Save' }).waitFor()
      const line = form.getByRole('button', { name: 'Add a line' })
      if ((await line.count()) > 0) await line.first().click()
    },
  ]),
  ['tickets', (page) => page.goto('/console/tickets').then(() => page.getByRole('heading', { level: 1 }).waitFor())],
  ['first steps', (page) => page.goto('/console/first-steps').then(() => page.locator('#first-steps-progress').waitFor())],
  ['nowhere', (page) => page.goto('/console/nowhere').then(() => page.getByRole('heading', { level: 1 }).waitFor())],
]

for (const [name, open] of pages) {
  test(`${name}: accessible in both colour schemes, named, and usable at 390 px`, async ({ page, signedIn }) => {
    await signedIn('tenant_admin')
    await open(page)
    await expectAccessible(page)
    await expectNamed(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
    await expectAccessible(page)
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize(telephone)
    await open(page)
    await expectToFit(page)
    await expectAccessible(page)
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme} colours`, () => {
    test.use({ colorScheme })

    test('the sign-in page is accessible', async ({ page }) => {
      await page.goto('/console/sign-in')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await expect(page.getByText('Enter your password.')).toBeVisible()
      await expectAccessible(page)
      await expectNamed(page)
    })

    test('what an operator may not see is said accessibly', async ({ page, signedIn }) => {
      await signedIn('operator')
      await page.goto('/console/settings/webhooks')
      await page.getByRole('heading', { level: 1 }).waitFor()
      await expectAccessible(page)
    })
  })
}

test('on a telephone the navigation opens', async ({ page, signIn }) => {
  await page.setViewportSize(telephone)
  await signIn('tenant_admin')
  await page.getByRole('button', { name: 'Open navigation' }).click()
  await page.getByRole('link', { name: 'Tickets' }).click()
  await expect(page.getByRole('heading', { name: 'Tickets', level: 1 })).toBeVisible()
})
