// The console's flows as each role. Rows of reference names are the requirement's ids.
import { type Page } from '@playwright/test'

import { enter, expect, test } from './demo'

const create = async (page: Page, name: string, url: string) => {
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByLabel('Endpoint URL (https)').fill(url)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
}
const destinations = (page: Page) => page.getByRole('table', { name: 'Destinations', exact: true })
const deliveries = (page: Page) => page.getByRole('table', { name: 'Deliveries', exact: true })

test.describe('signing in', () => {
  test('a wrong password is refused in place', async ({ page, demo }) => {
    await page.goto('/console/')
    await page.getByLabel('Email').fill(demo.passwords.acme.operator.email)
    await page.getByLabel('Password', { exact: true }).fill('not the password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toHaveText('Email or password is wrong.')
    await expect(page).toHaveURL(/\/console\/sign-in/)
  })

  test('one arrives at the page that one asked for, and signing out ends it', async ({ page, demo }) => {
    await page.goto('/console/deliveries?state=delivered')
    const { email, password } = demo.passwords.acme.operator
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password', { exact: true }).press('Enter')
    await expect(page).toHaveURL(/\/console\/deliveries\?state=delivered$/)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await expect(page).toHaveURL(/\/console\/sign-in$/)
    await page.goto('/console/deliveries')
    await expect(page).toHaveURL(/\/console\/sign-in/)
  })
})

test.describe('a tenant admin', () => {
  test.beforeEach(({ signIn }) => signIn('tenant_admin'))

  test('creates a destination and is shown its secret once (R-086, R-094)', async ({ page, demo }) => {
    await create(page, 'Order system', `http://${demo.receiver}/orders`)
    await expect(page.getByText('Destination created.')).toBeVisible()
    const secret = await page.locator('#signing-secret').innerText()
    expect(secret).toMatch(/^whsec_\S{20,}$/)
    await expect(destinations(page).getByRole('row', { name: 'Order system' })).toContainText(`http://${demo.receiver}`)

    await page.getByRole('link', { name: 'Deliveries', exact: true }).click()
    await page.getByRole('button', { name: 'Stay here' }).click()
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await expect(page.locator('#signing-secret')).toHaveCount(0)
    await page.reload()
    await expect(destinations(page)).toBeVisible()
    await expect(page.getByText(secret)).toHaveCount(0)
  })

  test('is told in place that an address is refused, and nothing is stored (R-089)', async ({ page }) => {
    await expect(destinations(page)).toBeVisible()
    for (const url of ['http://169.254.169.254/latest/meta-data/', 'http://127.0.0.1:9000/hook', 'http://10.0.0.5/hook']) {
      await create(page, 'Inside', url)
      const message = page.getByText('endpoint_url must not target a private or reserved address')
      await expect(message).toBeVisible()
      await expect(page.getByLabel('Endpoint URL (https)')).toHaveAccessibleDescription(/private or reserved address/)
    }
    await page.getByRole('button', { name: 'Refresh' }).click()
    await expect(destinations(page).getByRole('row', { name: 'Inside' })).toHaveCount(0)
  })

  test('is asked for what is missing', async ({ page }) => {
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await expect(page.getByText('Give it a name.')).toBeVisible()
    await expect(page.getByText('Enter the URL that the events go to.')).toBeVisible()
  })

  test('sees a hostile name as text', async ({ page, demo }) => {
    const name = '<img src=x onerror="document.title=1">'
    await create(page, name, `http://${demo.receiver}/hostile`)
    await expect(page.getByText('Destination created.')).toBeVisible()
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await destinations(page).getByRole('link', { name }).click()
    await expect(page.getByRole('heading', { name })).toBeVisible()
    expect(await page.locator('img').count()).toBe(0)
  })

  test('sends a test, and sees its attempt', async ({ page }) => {
    await destinations(page).getByRole('link').first().click()
    await page.getByRole('button', { name: 'Send test' }).click()
    const panel = page.getByRole('dialog')
    await expect(panel.getByText('Attempt 1')).toBeVisible()
    await expect(panel.getByText(/First byte/)).toBeVisible()
    await expect(panel.getByRole('button', { name: /^Copy Delivery dlv_/ })).toBeVisible()
  })

  test('pauses and resumes a destination', async ({ page, demo }) => {
    await create(page, 'To be paused', `http://${demo.receiver}/paused`)
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await destinations(page).getByRole('link', { name: 'To be paused' }).click()
    await page.getByRole('button', { name: 'Pause' }).click()
    await expect(destinations(page).getByRole('row', { name: 'To be paused' })).toContainText('Paused')
    await page.getByRole('button', { name: 'Resume' }).click()
    await expect(destinations(page).getByRole('row', { name: 'To be paused' })).toContainText('Active')
  })

  test('finds a delivery, reads its attempts and replays it (R-088, R-041)', async ({ page }) => {
    await page.goto('/console/deliveries')
    await page.getByLabel('State').selectOption('Delivered')
    await expect(page).toHaveURL(/state=delivered/)
    await deliveries(page).getByRole('link').first().click()
    const panel = page.getByRole('dialog')
    await expect(panel.getByText('Attempt 1', { exact: true })).toBeVisible()
    await expect(panel.getByText('Accepted')).toBeVisible()
    await panel.getByRole('button', { name: 'Replay' }).click()
    await expect(panel.getByText('Show the original delivery')).toBeVisible()
  })

  test('sees what inbound webhooks received', async ({ page }) => {
    await page.getByRole('link', { name: 'Webhooks', exact: true }).click()
    const table = page.getByRole('table', { name: 'Inbound webhooks' })
    await expect(table.getByText('/api/inbound/acme/').first()).toBeVisible()
    await table.getByRole('link').first().click()
    await expect(page.getByRole('dialog').getByText('/api/inbound/acme/').first()).toBeVisible()
  })

  test('reads the console in German and in Portuguese', async ({ page }) => {
    await page.getByLabel('Language').selectOption('Deutsch')
    await expect(page.getByRole('heading', { name: 'Integrationen', level: 1 })).toBeVisible()
    await page.reload()
    await page.getByLabel('Sprache').selectOption('Português')
    await expect(page.getByRole('heading', { name: 'Integrações', level: 1 })).toBeVisible()
    await expect(page.locator('html')).toHaveAttribute('lang', 'pt')
  })

  test('is told that an address leads nowhere', async ({ page }) => {
    await page.goto('/console/nowhere')
    await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
    await page.goto('/console/deliveries?delivery=dlv_01jd8r7c5tevzs9c1ghvzv3hkp')
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText('Request id')
  })
})

for (const role of ['operator', 'auditor'] as const) {
  test(`an ${role} looks and does not touch (R-045, R-046, R-090)`, async ({ page, signIn }) => {
    await signIn(role)
    await expect(destinations(page)).toBeVisible()
    await expect(page.getByText('Create destination')).toHaveCount(0)
    await expect(page.getByRole('link', { name: 'Webhooks', exact: true })).toHaveCount(0)
    await destinations(page).getByRole('link').first().click()
    await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible()
    for (const name of ['Send test', 'Pause', 'Resume']) await expect(page.getByRole('button', { name })).toHaveCount(0)

    await page.goto('/console/deliveries')
    await deliveries(page).getByRole('link').first().click()
    await expect(page.getByRole('dialog').getByRole('heading', { name: 'Ids' })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Replay' })).toHaveCount(0)

    await page.goto('/console/settings/webhooks')
    await expect(page.getByRole('heading', { name: 'Your role does not include this page' })).toBeVisible()
  })
}

test('a tenant sees its own destinations alone (R-092)', async ({ page, demo }) => {
  await enter(page, demo.passwords.acme.tenant_admin)
  await create(page, 'Acme alone', `http://${demo.receiver}/acme`)
  await page.getByRole('button', { name: 'I have stored it' }).click()
  await destinations(page).getByRole('link', { name: 'Acme alone' }).click()
  await expect(page).toHaveURL(/destination=dst_/)
  const address = page.url()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(/sign-in/)
  await enter(page, demo.passwords.globex.tenant_admin)
  await page.goto(address)
  await expect(page.getByRole('region', { name: /^Destination/ }).getByRole('alert')).toBeVisible()
  await expect(page.getByText('Acme alone')).toHaveCount(0)
})
