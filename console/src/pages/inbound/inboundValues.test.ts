import { expect, test } from 'vitest'

import type { InboundWebhook } from '../../api/inbound'
import { inputOf, slugOf, valuesOf } from './inboundValues'

const webhook = {
  name: 'Alerts',
  slug: 'alerts',
  description: '',
  is_active: true,
  auth_type: 'path_token',
  auth_config: { type: 'path_token', param: 'key' },
  ip_cidrs: ['10.0.0.0/8'],
  idempotency_source: { type: 'header', value: 'X-Id' },
  idempotency_window_seconds: 60,
  handler_config: { type: 'direct_action', action: 'createTicket', field_mapping: { title: 'alert.title', status: '' } },
  rate_limit_per_minute: 10,
  duplicate_response: 'conflict',
  mode: 'sync',
  ack: { style: 'empty' },
  split: 'items',
  allow_get: true,
} as unknown as InboundWebhook

test('a webhook comes back from its form as it was, without what is not mapped', () => {
  expect(inputOf(valuesOf(webhook), webhook)).toMatchObject({
    auth_config: { type: 'path_token', param: 'key' },
    ip_cidrs: ['10.0.0.0/8'],
    idempotency_source: { type: 'header', value: 'X-Id' },
    handler_config: { action: 'createTicket', field_mapping: { title: 'alert.title' } },
    split: 'items',
    allow_get: true,
    ack: { style: 'empty' },
  })
})

test('each scheme sends its own settings alone', () => {
  const values = valuesOf(webhook)
  expect(inputOf({ ...values, auth: 'bearer' }, webhook).auth_config).toEqual({ type: 'bearer' })
  const listed = inputOf({ ...values, auth: 'ip_allowlist', ip_cidrs: ['192.0.2.1'] }, webhook)
  expect([listed.auth_config, listed.ip_cidrs]).toEqual([{ type: 'ip_allowlist', ip_cidrs: ['192.0.2.1'] }, []])
})

test('rules that the form does not show are kept', () => {
  const handler_config = { type: 'direct_action', rules: [{ action: 'createTicket', field_mapping: {} }] }
  const ruled = { ...webhook, handler_config } as unknown as InboundWebhook
  expect(inputOf(valuesOf(ruled), ruled).handler_config).toEqual(handler_config)
})

test('a webhook that only captures has no handler yet', () => {
  expect(inputOf({ ...valuesOf(undefined), name: 'New', slug: 'new' }, undefined)).not.toHaveProperty('handler_config')
})

test('a name makes a slug', () => {
  expect(slugOf('  Überwachung: NinjaOne! ')).toBe('uberwachung-ninjaone')
})
