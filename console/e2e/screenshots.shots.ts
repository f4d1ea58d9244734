// Not a test: takes the README's pictures from the real binary. `make screenshots`.
import { mkdirSync } from 'node:fs'

import { type Page } from '@playwright/test'

import { type Demo, enter, test } from './demo'

const folder = '../docs/images'

/** A busy morning: some arrive, one stumbles, one fails for good. */
async function traffic(page: Page, demo: Demo) {
  const headers = { Authorization: `Bearer ${demo.passwords.acme.token}` }
  const orders = Array.from({ length: 40 }, (_, number) => ({
    event_type: ['order.created', 'invoice.paid', 'order.shipped'][number % 3],
    payload: { order: `SO-${1000 + number}`, amount: 1200 + 37 * number },
  }))
  await page.request.post(`${demo.url}/api/v1/events/batch`, { headers, data: { events: orders } })
  await page.waitForTimeout(6_000)
}

async function shoot(page: Page, name: string) {
  await page.waitForLoadState('networkidle')
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)))
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await page.screenshot({ path: `${folder}/${name}.png` })
}

test.use({ viewport: { width: 1120, height: 640 }, colorScheme: 'light' })

test('pictures for the README', async ({ page, demo }) => {
  test.setTimeout(240_000)
  mkdirSync(folder, { recursive: true })
  await enter(page, demo.passwords.acme.tenant_admin)
  await traffic(page, demo)

  await page.goto('/console/integrations')
  await page.getByRole('img', { name: 'Attempts over time' }).locator('svg').first().waitFor()
  await shoot(page, 'workbench')

  await page.goto('/console/deliveries?state=retry_scheduled')
  await page.getByRole('table').getByRole('link').first().click()
  await page.getByText('Attempt 1', { exact: true }).waitFor()
  await shoot(page, 'delivery')

  await page.goto('/console/settings/webhooks')
  await page.getByRole('table').getByRole('link').first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Edit' }).click()
  await page.locator('.mantine-Skeleton-root').first().waitFor({ state: 'detached' })
  await page.waitForTimeout(1_000)
  await shoot(page, 'inbound')

  const made = await page.request.post(`${demo.url}/api/v1/portal-sessions`, {
    headers: { Authorization: `Bearer ${demo.passwords.acme.token}` },
    data: { look: { accent: '#7a3e9d', logo_text: 'Globular Logistics' } },
  })
  await page.goto(((await made.json()) as { url: string }).url)
  await page.getByRole('table', { name: 'Destinations', exact: true }).waitFor()
  await shoot(page, 'portal')
})
