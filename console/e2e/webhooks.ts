// Inbound webhooks, made and sent to by the API, and opened in the console.
import { createHmac } from 'node:crypto'

import type { Locator, Page } from '@playwright/test'

import { expect } from './demo'

export const api = '/api/v1/inbound-webhooks'
export const headers = { 'X-Requested-With': 'hookswitch' }
export const list = (page: Page) => page.getByRole('table', { name: 'Inbound webhooks' })
export const settings = (page: Page) => page.goto('/console/settings/webhooks')

export type Made = { id: string; url: string; secret: string; slug: string }

/** By the API, as the signed-in admin; with a mapping unless `bare`. */
export async function make(page: Page, name: string, bare = false): Promise<Made> {
  const slug = name.toLowerCase().replaceAll(' ', '-')
  const auth_config = { type: 'hmac_sha256', signature_header: 'X-Signature' }
  const field_mapping = { title: 'alert.message', external_id: '$string(alert.id)' }
  const handler_config = { type: 'direct_action', action: 'createTicket', field_mapping }
  const handler = bare ? {} : { handler_type: 'direct_action', handler_config }
  const data = { name, slug, auth_type: 'hmac_sha256', auth_config, ...handler }
  const answer = await page.request.post(api, { headers, data })
  expect(answer.status(), await answer.text()).toBe(201)
  return (await answer.json()) as Made
}

export function send(page: Page, { url, secret }: Made, body: unknown) {
  const data = JSON.stringify(body)
  const signature = createHmac('sha256', secret).update(data).digest('hex')
  return page.request.post(url, { headers: { 'content-type': 'application/json', 'X-Signature': signature }, data })
}

export async function open(page: Page, name: string): Promise<Locator> {
  await settings(page)
  await list(page).getByRole('link', { name }).click()
  const panel = page.getByRole('dialog')
  await panel.getByRole('button', { name: 'Edit' }).waitFor()
  return panel
}

export async function newWebhook(page: Page): Promise<Locator> {
  await settings(page)
  await page.getByRole('button', { name: 'New inbound webhook' }).click()
  return page.getByRole('dialog')
}
