// A list of 100,000 rows scrolls: the page holds only the rows around what is seen, and feeds itself.
import type { Page } from '@playwright/test'

import { expect, test } from './demo'

const ROWS = 100_000
const EVER_DRAWN_MAX = 220

const ticket = (number: number) => ({
  id: `tkt_${String(number).padStart(26, '0')}`,
  ticket_number: number,
  title: `Ticket number ${number}`,
  board_id: 'brd_1',
  board_name: 'Support',
  status_id: 'sts_1',
  status_name: 'New',
  is_closed: false,
  priority_id: 'pri_1',
  priority_name: 'Low',
  attributes: {},
  ticket_origin: 'internal',
  source: 'api',
  entered_by: 'system',
  entered_at: '2026-01-31T12:00:00Z',
  updated_at: '2026-01-31T12:00:00Z',
  version: 1,
  external_refs: [],
})

/** As many tickets as nobody wants to make for a test, in pages that are larger than the server's: it is not what is tested. */
async function flood(page: Page, limit: number) {
  await page.route('**/api/v1/tickets?*', async (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 0)
    const data = Array.from({ length: Math.min(limit, ROWS - from) }, (_, place) => ticket(from + place + 1))
    const next_cursor = from + limit < ROWS ? String(from + limit) : undefined
    await route.fulfill({ json: { data, next_cursor } })
  })
}

test('100,000 rows are scrolled through while the page stays small', async ({ page, signedIn }) => {
  test.setTimeout(600_000)
  await signedIn('tenant_admin')
  await flood(page, 1000)
  await page.goto('/console/desk/tickets')
  const table = page.getByRole('table', { name: 'Tickets' })
  await expect(table.getByText('Ticket number 1', { exact: true })).toBeVisible()
  await expect(table).toHaveAttribute('aria-rowcount', '-1')
  // To the end, again and again, until there is no more to load.
  const most = await page.evaluate(async () => {
    const drawn = () => document.querySelectorAll('tr').length
    const next = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)))
    let most = 0
    while (document.querySelector('table')?.getAttribute('aria-rowcount') === '-1') {
      window.scrollTo(0, document.body.scrollHeight)
      await next()
      most = Math.max(most, drawn())
    }
    window.scrollTo(0, document.body.scrollHeight)
    return most
  })
  expect(most).toBeLessThan(EVER_DRAWN_MAX)
  await expect(table.getByText(`Ticket number ${ROWS}`, { exact: true })).toBeVisible()
  await expect(table).toHaveAttribute('aria-rowcount', String(ROWS + 1))
  await expect(page.getByText('All 100000 entries').or(page.getByText('All 100,000 entries'))).toBeVisible()
  // The middle and the beginning are there as soon as one is.
  await page.evaluate((rows) => window.scrollTo(0, document.body.scrollHeight * (rows / 2 / rows)), ROWS)
  await expect(table.locator('tbody tr[aria-rowindex]').first()).toBeVisible()
  const middle = Number(await table.locator('tbody tr[aria-rowindex]').first().getAttribute('aria-rowindex'))
  expect(middle).toBeGreaterThan(ROWS / 3)
  await page.evaluate(() => window.scrollTo(0, 0))
  await expect(table.getByText('Ticket number 1', { exact: true })).toBeVisible()
  expect(await page.locator('tr').count()).toBeLessThan(EVER_DRAWN_MAX)
})

test('the keyboard goes from row to row, to pages and to the end; the focus is never lost', async ({ page, signedIn }) => {
  await signedIn('tenant_admin')
  await flood(page, 100)
  await page.goto('/console/desk/tickets')
  const row = (number: number) => page.getByRole('link', { name: `Ticket number ${number}`, exact: true })
  await row(1).focus()
  await page.keyboard.press('ArrowDown')
  await expect(row(2)).toBeFocused()
  await page.keyboard.press('PageDown')
  await expect(row(12)).toBeFocused()
  await page.keyboard.press('End')
  await expect(row(100)).toBeFocused()
  await expect(page.locator('tr[data-index="150"]')).toHaveCount(0)
  await page.keyboard.press('Home')
  await expect(row(1)).toBeFocused()
  // Out of sight, the row that has the focus stays.
  for (let loaded = 0; loaded < 5; loaded++) {
    await page.keyboard.press('End')
    await expect(page.locator(':focus')).toHaveAttribute('id', /^open-tkt/)
  }
  const focused = await page.locator(':focus').innerText()
  await page.evaluate(() => window.scrollTo(0, 0))
  await expect(row(1)).toBeVisible()
  await expect(page.locator(':focus')).toHaveText(focused)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/record=tkt_/)
})

test('what a list is narrowed to stands in its address', async ({ page, signedIn }) => {
  await signedIn('tenant_admin')
  await page.goto('/console/desk/alerts')
  await page.getByLabel('Severity').selectOption('High')
  await expect(page).toHaveURL(/severity=high/)
  await page.reload()
  await expect(page.getByLabel('Severity')).toHaveValue('high')
  await page.goBack()
  await expect(page).not.toHaveURL(/severity/)
  await expect(page.getByLabel('Severity')).toHaveValue('')
})
