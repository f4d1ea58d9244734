// The customer portal: a link that opens once, a part of one tenant, the host's colours, and frames.
import { type APIRequestContext, type Browser, type Page } from '@playwright/test'

import { type Demo, expect, test } from './demo'
import { expectAccessible, expectNamed, expectToFit } from './checks'

const GROUP = 'grp_01jd8r7c5tevzs9c1ghvzv3hkp'
const LOGO = 'data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIyOCIgaGVpZ2h0PSIyOCI+PGNpcmNsZSBjeD0iMTQiIGN5PSIxNCIgcj0iMTIiIGZpbGw9IiM3YTNlOWQiLz48L3N2Zz4='

/** As the host's own service calls it: with a token, and no browser. */
async function api(request: APIRequestContext, demo: Demo, path: string, data: unknown): Promise<Record<string, string>> {
  const answer = await request.post(`${demo.url}${path}`, { data, headers: { Authorization: `Bearer ${demo.passwords.acme.token}` } })
  expect(answer.ok(), await answer.text()).toBe(true)
  return (await answer.json()) as Record<string, string>
}

const link = async (request: APIRequestContext, demo: Demo, body: unknown = {}) =>
  String((await api(request, demo, '/api/v1/portal-sessions', body)).url)

async function withDelivery(request: APIRequestContext, demo: Demo, name: string, event_type: string) {
  const endpoint_url = `http://${demo.receiver}/acme/try`
  await api(request, demo, '/api/v1/integrations/destinations', { name, endpoint_url, event_types: [event_type], group_id: GROUP })
  await api(request, demo, '/api/v1/events', { event_type, payload: { order: 'SO-77' }, group_id: GROUP })
}

const table = (page: Page) => page.getByRole('table', { name: 'Destinations', exact: true })

test('a link opens once, and says so kindly afterwards', async ({ page, demo, request }) => {
  const url = await link(request, demo, { look: { accent: '#7a3e9d', logo_text: 'Globular Ltd', logo_url: LOGO } })
  await page.goto(url)
  await expect(page.locator('#portal-name')).toHaveText('Globular Ltd')
  await expect(page.locator('#portal-logo')).toBeVisible()
  await expect(page).toHaveTitle('Globular Ltd: webhooks')
  await expect(table(page).getByRole('row', { name: 'Test endpoint' })).toBeVisible()
  expect(page.url()).not.toContain('hsl_')
  expect(await page.context().cookies()).toEqual([])
  // The visit outlives a reload of its tab.
  await page.reload()
  await expect(table(page)).toBeVisible()
  const second = await page.context().newPage()
  await second.goto(url)
  await expect(second.getByRole('heading', { name: 'This link was used already' })).toBeVisible()
  await second.goto(`${demo.url}/portal/#hsl_nonsense`)
  await expect(second.getByRole('heading', { name: 'This link is not known here' })).toBeVisible()
  await second.goto(`${demo.url}/portal/deliveries`)
  await expect(second.getByRole('heading', { name: 'This page opens with a link' })).toBeVisible()
  await page.getByRole('button', { name: 'Leave' }).click()
  await expect(page.getByRole('heading', { name: 'You have left' })).toBeVisible()
  await page.goto(`${demo.url}/portal/`)
  await expect(page.getByRole('heading', { name: 'This page opens with a link' })).toBeVisible()
})

test('an expired link says so', async ({ page, demo, request }) => {
  const url = await link(request, demo, { expires_in: 1 })
  await page.waitForTimeout(1_200)
  await page.goto(url)
  await expect(page.getByRole('heading', { name: 'This link has expired' })).toBeVisible()
})

test('a group sees its own alone, creates, tests and sends again', async ({ page, demo, request }) => {
  await withDelivery(request, demo, 'Warehouse of the group', 'portal.shipped')
  await page.goto(await link(request, demo, { group_id: GROUP }))
  await expect(table(page).getByRole('row', { name: 'Warehouse of the group' })).toBeVisible()
  await expect(page.getByText('Endpoint that stumbles')).toHaveCount(0)

  await page.locator('#create-destination-name').fill('Made by a customer')
  await page.locator('#create-destination-endpoint-url').fill(`http://${demo.receiver}/acme/try`)
  await page.locator('#create-destination-submit').click()
  await page.getByRole('button', { name: 'I have stored it' }).click()
  await table(page).getByRole('link', { name: 'Made by a customer' }).click()
  await page.locator('#destination-test').click()
  const panel = page.getByRole('dialog')
  await expect(panel.getByText('Attempt 1', { exact: true })).toBeVisible({ timeout: 30_000 })
  await page.keyboard.press('Escape')
  await page.locator('#destination-more').click()
  await expect(page.locator('#destination-rotate')).toBeVisible()
  await expect(page.locator('#destination-recover')).toHaveCount(0)
  await page.keyboard.press('Escape')

  await page.getByRole('navigation').getByRole('link', { name: 'Deliveries' }).click()
  await page.getByRole('table').getByRole('link', { name: /portal\.shipped/ }).first().click()
  await page.locator('#delivery-request-show').click()
  await expect(page.locator('#delivery-request-body')).toContainText('SO-77')
  await page.locator('#delivery-replay').click()
  await expect(page.getByRole('dialog').getByText('Delivered').first()).toBeVisible({ timeout: 30_000 })
  await page.keyboard.press('Escape')
  await page.getByRole('navigation').getByRole('link', { name: 'Event catalogue' }).click()
  await expect(page.getByRole('table').getByRole('link', { name: 'task.created', exact: true })).toBeVisible()
  await expect(page.locator('#event-type-new')).toHaveCount(0)
})

test('a portal that may only look has no buttons that change anything', async ({ page, demo, request }) => {
  await page.goto(await link(request, demo, { access: 'read' }))
  await table(page).getByRole('link').first().click()
  await page.getByRole('heading', { name: 'Settings' }).waitFor()
  for (const id of ['create-destination-submit', 'destination-edit', 'destination-test', 'destination-more'])
    await expect(page.locator(`#${id}`)).toHaveCount(0)
})

test('a console session in the same browser is no key to the portal, nor the other way round', async ({ page, demo, request, signIn }) => {
  await signIn('tenant_admin')
  await page.goto('/portal/')
  await expect(page.getByRole('heading', { name: 'This page opens with a link' })).toBeVisible()
  await page.goto(await link(request, demo, { access: 'read', look: { logo_text: 'Looking only' } }))
  await expect(page.locator('#portal-name')).toHaveText('Looking only')
  await expect(page.locator('#create-destination-submit')).toHaveCount(0)
})

/** A host's page that shows the portal. */
async function framed(browser: Browser, origin: string, src: string) {
  const page = await browser.newPage()
  const body = `<!doctype html><html lang="en"><title>Host</title><iframe title="Webhooks" id="portal" src="${src}" width="900" height="700"></iframe>`
  await page.route(`${origin}/host`, (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto(`${origin}/host`)
  return page
}

test('stands in the frame of a configured host, and in nobody else’s', async ({ browser, demo, request }) => {
  const host = await framed(browser, `http://${demo.receiver}`, await link(request, demo))
  const inside = host.frameLocator('#portal')
  await expect(inside.getByRole('table', { name: 'Destinations', exact: true })).toBeVisible()
  await inside.getByRole('navigation').getByRole('link', { name: 'Deliveries' }).click()
  await expect(inside.getByRole('heading', { name: 'Deliveries', level: 1 })).toBeVisible()
  await host.close()

  const unused = await link(request, demo)
  const port = demo.receiver.split(':')[1]
  const stranger = await framed(browser, `http://localhost:${port}`, unused)
  await stranger.waitForLoadState('load')
  await expect(stranger.frameLocator('#portal').locator('#portal-name')).toHaveCount(0)
  await stranger.close()
  // What was refused has used nothing up.
  const page = await browser.newPage()
  await page.goto(unused)
  await expect(page.locator('#portal-name')).toBeVisible()
  await page.close()
})

for (const scheme of ['light', 'dark'] as const) {
  for (const accent of ['#0b7285', '#ffe600', '#f5f5f5', '#111111'])
    test(`is accessible in ${accent} on ${scheme}, and fits a telephone`, async ({ page, demo, request }) => {
      await page.setViewportSize({ width: 390, height: 844 })
      await page.goto(await link(request, demo, { look: { accent, scheme, logo_text: 'Acme', logo_url: LOGO } }))
      await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', scheme)
      const places: [string, () => Promise<unknown>][] = [
        ['Destinations', () => table(page).waitFor()],
        ['Deliveries', () => page.getByRole('table').waitFor()],
        ['Event catalogue', () => page.getByRole('table').waitFor()],
      ]
      for (const [name, shown] of places) {
        await page.getByRole('navigation').getByRole('link', { name }).click()
        await shown()
        await expectAccessible(page)
        await expectNamed(page)
        await expectToFit(page)
      }
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.getByRole('navigation').getByRole('link', { name: 'Destinations' }).click()
      await table(page).getByRole('link').first().click()
      await page.getByRole('heading', { name: 'Settings' }).waitFor()
      await expectAccessible(page)
      await page.locator('#portal-leave').click()
      await page.getByRole('heading', { name: 'You have left' }).waitFor()
      await expectAccessible(page)
    })
}
