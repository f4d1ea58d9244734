import { expect, test } from 'vitest'

import type { InboundWebhook } from '../../api/inbound'
import { descriptorOf, descriptorValues } from './descriptor'
import { inputOf, slugOf, valuesOf } from './inboundValues'
import { moved } from './ruleValues'

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
  aliases: [{ slug: 'old-alerts', url: '', created_at: '' }],
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

test('rules come back in their order; one without a condition is an action', () => {
  const rules = [
    { when: 'a = 1', action: 'createTicket', field_mapping: { title: 'a' } },
    { action: 'createTicket', field_mapping: { title: 'b' } },
  ]
  const ruled = { ...webhook, handler_config: { type: 'direct_action', rules } } as unknown as InboundWebhook
  const values = valuesOf(ruled)
  expect(inputOf(values, ruled).handler_config).toEqual({ type: 'direct_action', rules })
  expect(inputOf({ ...values, rules: moved(values.rules, 0, 1) }, ruled).handler_config).toEqual({
    type: 'direct_action',
    rules: [...rules].reverse(),
  })
  expect(inputOf({ ...values, rules: values.rules.slice(1) }, ruled).handler_config).toEqual({
    type: 'direct_action',
    action: 'createTicket',
    field_mapping: { title: 'b' },
  })
})

test('a handler that the form does not show is kept', () => {
  const handler_config = { type: 'workflow', workflow_id: 'w' }
  const flowing = { ...webhook, handler_config } as unknown as InboundWebhook
  expect(inputOf(valuesOf(flowing), flowing).handler_config).toEqual(handler_config)
})

test('a slug that is changed stays as an alias where it is wanted, and one that is taken up again is none', () => {
  const values = valuesOf(webhook)
  expect(inputOf(values, webhook).aliases).toEqual(['old-alerts'])
  expect(inputOf({ ...values, slug: 'fresh' }, webhook).aliases).toEqual(['old-alerts', 'alerts'])
  expect(inputOf({ ...values, slug: 'fresh', keepSlug: false }, webhook).aliases).toEqual(['old-alerts'])
  expect(inputOf({ ...values, slug: 'old-alerts' }, webhook).aliases).toEqual(['alerts'])
})

test('a descriptor says only what differs, with its time in one place', () => {
  const descriptor = { signature_header: 'S', template: '{timestamp}.{body}', timestamp_prefix: 't=', timestamp_unit: 'seconds' }
  const there = descriptorOf(descriptorValues(descriptor))
  expect(there).toMatchObject(descriptor)
  expect(there).not.toHaveProperty('timestamp_header')
  expect(descriptorOf(descriptorValues())).not.toHaveProperty('timestamp_unit')
})

test('a webhook that only captures has no handler yet', () => {
  expect(inputOf({ ...valuesOf(undefined), name: 'New', slug: 'new' }, undefined)).not.toHaveProperty('handler_config')
})

test('a name makes a slug', () => {
  expect(slugOf('  Überwachung: NinjaOne! ')).toBe('uberwachung-ninjaone')
})
