// The 28 assertions about the pages of inbound webhooks (SEED-3), each named by its number and the id that it
// has in the requirements.
import { readFile } from 'node:fs/promises'

import { expectNamed } from './checks'
import { expect, test } from './demo'
import { api, list, make, newWebhook, open, send, settings } from './webhooks'

const ui = test.step

test.describe('a tenant admin', () => {
  test.beforeEach(({ signedIn }) => signedIn('tenant_admin'))

  test('the list: UI-01, UI-02, UI-03, UI-19, UI-28', async ({ page }) => {
    await make(page, 'Listed')
    await settings(page)
    await ui('UI-01 (T130) there are two tabs', async () => {
      await expect(page.getByRole('tab')).toHaveText(['Inbound', 'Outbound'])
    })
    await ui('UI-28 (T180) the inbound tab is there and is the first', async () => {
      await expect(page.getByRole('tab', { name: 'Inbound' })).toHaveAttribute('aria-selected', 'true')
    })
    await ui('UI-03 (T132) columns: name, URL, what it does, last delivery, active', async () => {
      const columns = await list(page).getByRole('columnheader').allInnerTexts()
      expect(columns).toEqual(expect.arrayContaining(['Name', 'URL', 'What it does', 'Last delivery', 'State']))
      const row = list(page).getByRole('row', { name: 'Listed' })
      await expect(row).toContainText('/api/inbound/acme/listed')
      await expect(row).toContainText('Action createTicket')
      await expect(row).toContainText('never')
    })
    await ui('UI-19 (T148) the switch persists', async () => {
      const active = page.getByRole('switch', { name: 'Listed is active' })
      await expect(active).toBeChecked()
      await active.press('Space')
      await expect(active).not.toBeChecked()
      await page.reload()
      await expect(active).not.toBeChecked()
    })
    await ui('UI-02 (T131) outbound is as it was', async () => {
      await page.getByRole('tab', { name: 'Outbound' }).click()
      await expect(page.getByRole('heading', { name: 'Create destination' })).toBeVisible()
      await expect(page.getByRole('table', { name: 'Destinations', exact: true })).toBeVisible()
    })
  })

  test('the form: UI-04 to UI-07, UI-10 to UI-15', async ({ page }) => {
    const form = await newWebhook(page)
    const scheme = form.getByLabel('How senders prove themselves')
    await ui('UI-04 (T133) name, slug and description', async () => {
      await form.getByLabel('Name', { exact: true }).fill('Lift Sensors')
      await expect(form.getByLabel('Slug, the end of its URL')).toHaveValue('lift-sensors')
      await form.getByLabel('Description').fill('Lifts of the north wing')
    })
    await ui('UI-05 (T134) HMAC asks for the header of the signature', async () => {
      await scheme.selectOption('HMAC-SHA256 signature')
      await expect(form.getByLabel('Header of the signature')).toBeVisible()
    })
    await ui('UI-06 (T135) a list of addresses asks for networks and no secret', async () => {
      await scheme.selectOption('List of addresses')
      await expect(form.getByLabel('Addresses and networks (CIDR)')).toBeVisible()
      await expect(form.getByLabel('Secret', { exact: true })).toHaveCount(0)
      await scheme.selectOption('Bearer token')
      await expect(form.getByLabel('Secret', { exact: true })).toBeVisible()
      await expect(form.getByLabel('Header of the signature')).toHaveCount(0)
    })
    await ui('UI-07 (T136) a token in the URL asks for its parameter', async () => {
      await scheme.selectOption('Token in the URL')
      await expect(form.getByLabel('Parameter of the URL')).toHaveValue('token')
    })
    await ui('UI-10 (T139) idempotency: source, value and window', async () => {
      const source = form.getByLabel('A request is a repetition if this is the same')
      await source.selectOption('a header')
      await form.locator('#inbound-form-key-value').fill('X-Id')
      await source.selectOption('an expression over the body')
      await form.locator('#inbound-form-key-value').fill('alert.id')
      await form.getByLabel('Within seconds').fill('600')
    })
    await ui('UI-11 (T140) handler: an action, or a workflow', async () => {
      const handler = form.getByRole('radiogroup', { name: 'Handled by' })
      await expect(handler.getByRole('radio')).toHaveCount(2)
      await handler.getByText('A workflow').click()
      await ui('UI-14 (T143) workflows: this version has none to list, and says so', async () => {
        await expect(form.getByText('Workflows are not part of this version')).toBeVisible()
      })
      await ui('UI-15 (T144) what a workflow would get', async () => {
        await expect(form.getByRole('region', { name: 'What a workflow would get' })).toContainText('delivery_id')
      })
      await handler.getByText('An action').click()
    })
    await ui('UI-12 (T141) the actions are listed, by what they are about', async () => {
      const { data } = (await (await page.request.get(`${api}/actions`)).json()) as { data: { displayName: string }[] }
      await form.locator('#inbound-form-action').click()
      await expect(page.getByRole('listbox').getByRole('option')).toHaveCount(data.length)
    })
    await ui('UI-13 (T142) the fields of the chosen action, each with its type', async () => {
      await page.getByRole('option', { name: 'Create a ticket' }).click()
      await expect(page.locator('#map-title')).toBeVisible()
      await expect(form.getByText('title string')).toBeVisible()
      await expect(page.locator('#map-board-id')).toBeVisible()
    })
    await page.locator('#map-title').fill('alert.message')
    await form.getByRole('button', { name: 'Create', exact: true }).click()
    await expect(page.locator('#signing-secret')).toBeVisible()
    await page.getByRole('button', { name: 'I have stored it' }).click()
    await list(page).getByRole('link', { name: 'Lift Sensors' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Edit' }).click()
    await expect(page.locator('#inbound-form-key-value')).toHaveText('alert.id')
    await expect(page.getByLabel('Within seconds')).toHaveValue('600')
  })

  test('secrets: UI-08, UI-09, and a rotation with an overlap', async ({ page }) => {
    const form = await newWebhook(page)
    await form.getByLabel('Name', { exact: true }).fill('Secretive')
    await form.getByRole('button', { name: 'Create', exact: true }).click()
    const shown = page.locator('#signing-secret')
    await ui('UI-08 (T137) the secret is shown once, and gone then', async () => {
      const secret = await shown.innerText()
      expect(secret.length).toBeGreaterThan(20)
      await page.getByRole('button', { name: 'I have stored it' }).click()
      await expect(shown).toHaveCount(0)
      await page.reload()
      await expect(list(page)).toBeVisible()
      await expect(page.getByText(secret)).toHaveCount(0)
    })
    await ui('UI-09 (T138) a rotation shows the new one once; the old one may overlap', async () => {
      const panel = await open(page, 'Secretive')
      await panel.getByRole('button', { name: 'Rotate secret' }).click()
      const dialog = page.getByRole('dialog', { name: /^Rotate/ })
      await dialog.locator('#rotate-inbound-overlap').selectOption('3600')
      await dialog.getByRole('button', { name: 'Rotate', exact: true }).click()
      await expect(shown).toBeVisible()
      await page.getByRole('button', { name: 'I have stored it' }).click()
      await expect(shown).toHaveCount(0)
      await expect(panel.getByText(/^Both secrets let in until/)).toBeVisible()
      await panel.getByRole('button', { name: 'End the overlap now' }).click()
      await expect(panel.getByText(/^Both secrets let in until/)).toHaveCount(0)
    })
  })

  test('the sample: UI-16, UI-17, UI-18, with completion, a preview and a diagnostic', async ({ page }) => {
    const webhook = await make(page, 'Sampled', true)
    const panel = await open(page, 'Sampled')
    await ui('UI-16 (T145) capturing is switched on and counts down', async () => {
      await panel.getByRole('button', { name: 'Capture the next request' }).click()
      await expect(page.locator('#capture-state')).toHaveText(/Waiting .* [45]:\d\d left/)
      expect((await send(page, webhook, { alert: { id: 17, message: 'Lift 3 stands', lift: { 'floor no': 3 } } })).status()).toBe(200)
      await expect(page.locator('#capture-sample')).toContainText('Lift 3 stands')
    })
    await panel.getByRole('button', { name: 'Edit' }).click()
    await page.locator('#inbound-form-action').click()
    await page.getByRole('option', { name: 'Create a ticket' }).click()
    const tree = page.getByRole('tree', { name: 'Captured sample' })
    await ui('UI-17 (T146) the sample is a tree', async () => {
      await expect(tree.getByRole('treeitem', { name: 'alert.lift' }).first()).toBeVisible()
      await expect(tree).toContainText('"Lift 3 stands"')
    })
    const title = page.locator('#map-title')
    await ui('UI-18 (T147) a click, or Enter, writes a path where the cursor is', async () => {
      await page.locator('#map-description').click()
      await tree.getByRole('button', { name: 'alert.lift.`floor no`' }).click()
      await expect(page.locator('#map-description')).toHaveText('alert.lift.`floor no`')
      await title.click()
      await tree.getByRole('treeitem').first().focus()
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await expect(title).toHaveText('alert.message')
    })
    await expect(page.locator('#gives-title')).toContainText('Lift 3 stands')
    await expect(page.locator('#inbound-preview-effect')).toContainText('would be taken')
    // Completion, a diagnostic at its place, and Tab leaves.
    await title.fill('')
    await title.pressSequentially('alert.me')
    await page.getByRole('option', { name: /alert\.message/ }).click()
    await expect(title).toHaveText('alert.message')
    await title.press('End')
    await title.pressSequentially(' & ')
    await page.keyboard.press('Escape')
    await expect(page.getByText(/at character \d+/)).toBeVisible()
    await expect(page.locator('.cm-lintRange-error').first()).toBeVisible()
    await expect(title).toHaveAccessibleDescription(/at character/)
    await title.press('Tab')
    await expect(title).not.toBeFocused()
    await title.fill('$uppercase(alert.message)')
    await expect(page.locator('#gives-title')).toContainText('LIFT 3 STANDS')
    await panel.getByRole('button', { name: 'Save' }).click()
    await expect(panel.getByRole('table', { name: 'Received deliveries' })).toBeVisible()
  })

  test('the log: UI-20 to UI-25', async ({ page }) => {
    const webhook = await make(page, 'Logged')
    for (let sent = 0; sent < 52; sent += 13) {
      const answers = await Promise.all(
        Array.from({ length: 13 }, (_, place) => send(page, webhook, { alert: { id: sent + place, message: `Alert ${sent + place}` } })),
      )
      for (const answer of answers) expect(answer.status()).toBe(200)
    }
    expect((await send(page, webhook, { alert: { id: 99 } })).status()).toBe(400)
    expect((await send(page, { ...webhook, secret: 'wrong' }, {})).status()).toBe(401)
    const panel = await open(page, 'Logged')
    const log = panel.getByRole('table', { name: 'Received deliveries' })
    const rows = log.locator('tbody tr')
    await ui('UI-21 (T160) the log is paged', async () => {
      await expect(rows).toHaveCount(50)
      await panel.locator('#inbound-log-more').click()
      await expect(rows).toHaveCount(54)
    })
    await ui('UI-23 states are told in words', async () => {
      for (const state of ['Handled', 'Failed', 'Rejected']) await expect(log.getByText(state, { exact: true }).first()).toBeVisible()
    })
    await ui('UI-22 (T160) and filtered', async () => {
      await panel.getByLabel('Proof').selectOption('wrong signature')
      await expect(rows).toHaveCount(1)
      await expect(log).toContainText('The signature is wrong.')
      await panel.getByLabel('Proof').selectOption('verified')
      await panel.getByLabel('Result').selectOption('Failed')
      await expect(rows).toHaveCount(1)
      await expect(log.getByText('Failed', { exact: true })).toBeVisible()
    })
    await ui('UI-24 (T161) one delivery: request, answer, time, error', async () => {
      await log.getByRole('button').first().click()
      await expect(page.locator('#inbound-delivery-headers')).toContainText('content-type')
      await expect(page.locator('#inbound-delivery-body')).toContainText('99')
      await expect(panel.getByText('Answered 400')).toBeVisible()
      await expect(page.locator('#inbound-delivery-response')).toContainText('mapping_failed')
      await expect(panel.getByText('Took')).toBeVisible()
      await expect(panel.getByText(/mapping_failed/).first()).toBeVisible()
      await panel.getByRole('button', { name: 'All deliveries' }).click()
    })
    await ui('UI-25 (T165) a test with a body and headers of one’s own', async () => {
      await panel.getByRole('button', { name: 'Send test' }).click()
      const dialog = page.getByRole('dialog', { name: 'Test Logged' })
      await dialog.getByLabel('Body').fill('{"alert":{"id":500,"message":"Tried"}}')
      await dialog.getByLabel('Headers').fill('X-Tried: yes')
      await dialog.getByRole('button', { name: 'Send test' }).click()
      await expect(dialog.getByText(/^Answered 200/)).toBeVisible()
      await dialog.getByRole('button', { name: 'Cancel' }).click()
    })
    await ui('UI-20 (T149) a webhook that was switched off by itself says so', async () => {
      // It takes a day of failures: the answer is changed on its way, what the page makes of it is real.
      await page.route(`**${api}/${webhook.id}`, async (route) => {
        const answer = await route.fetch()
        await route.fulfill({ response: answer, json: { ...(await answer.json()), auto_disabled_at: '2026-01-02T03:04:05Z' } })
      })
      await open(page, 'Logged')
      await expect(panel.getByText('Disabled by itself')).toBeVisible()
    })
  })

  test('the log looks again by itself, and not while nobody sees it', async ({ page }) => {
    await make(page, 'Watched')
    await page.clock.install()
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/deliveries?')) asked.push(request.url())
    })
    const seen = (state: string) =>
      page.evaluate((state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, state)
    const panel = await open(page, 'Watched')
    await expect(panel.getByText('Nothing was received yet')).toBeVisible()
    const before = asked.length
    await page.clock.runFor(6000)
    await expect.poll(() => asked.length).toBeGreaterThan(before)
    await seen('hidden')
    await page.clock.runFor(1000)
    const hidden = asked.length
    await page.clock.runFor(60_000)
    expect(asked.length).toBe(hidden)
    await seen('visible')
    await page.clock.runFor(6000)
    await expect.poll(() => asked.length).toBeGreaterThan(hidden)
  })

  test('every text and id: UI-26, UI-27', async ({ page }) => {
    const english = JSON.parse(await readFile('src/i18n/en.json', 'utf8')) as unknown
    // Every text of the catalogue is marked: what is shown without the mark does not come from it.
    const marked = (value: unknown): unknown =>
      typeof value === 'string'
        ? `⟦${value}⟧`
        : Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, marked(each)]))
    await page.route('**/assets/en-*.json', (route) => route.fulfill({ json: marked(english) }))
    await settings(page)
    await page.locator('#inbound-new').click()
    await page.locator('#inbound-form-auth').selectOption('signature')
    await page.locator('#inbound-form-key-source').selectOption('jsonata')
    await ui('UI-26 (T170) no text is hard-coded', async () => {
      const texts = await page.getByRole('dialog').evaluate((dialog) => {
        const walker = document.createTreeWalker(dialog, NodeFilter.SHOW_TEXT)
        const found: string[] = []
        while (walker.nextNode()) {
          const { parentElement, textContent } = walker.currentNode
          if (!parentElement?.closest('style')) found.push(textContent?.trim() ?? '')
        }
        return found
      })
      expect(texts.filter((text) => text.includes('⟦')).length).toBeGreaterThan(40)
      const data = /^https?:|^(hmac_sha|ed25519|ecdsa_|hex|base64)/
      const { data: presets } = (await (await page.request.get(`${api}/presets`)).json()) as { data: { title: string }[] }
      const titles = presets.map(({ title }) => title)
      expect(texts.filter((text) => /\p{L}{2}/u.test(text) && !text.includes('⟦') && !data.test(text) && !titles.includes(text))).toEqual([])
    })
    await ui('UI-27 (T171) everything operable has an id in kebab-case', () => expectNamed(page))
  })
})

for (const role of ['operator', 'auditor'] as const) {
  test(`an ${role} has no part in inbound webhooks (T007)`, async ({ page, signedIn }) => {
    await signedIn(role)
    await page.goto('/console/settings/webhooks?add=sender')
    await expect(page.getByRole('heading', { name: 'Your role does not include this page' })).toBeVisible()
    await expect(page.getByRole('dialog')).toHaveCount(0)
    expect((await page.request.get(api)).status()).toBe(403)
  })
}
