import { expect, test } from 'vitest'

import type { Delivery } from '../../api/deliveries'
import type { Destination } from '../../api/destinations'
import { type Facts, IMPATIENT, progress, tried } from './progress'

const empty: Facts = { destinations: [], published: false, delivered: [], deadLettered: false }
const destination = (endpoint: string, max_attempts?: number) => ({ endpoint, policy: { max_attempts } }) as Destination
const delivery = (replayed_from?: string) => ({ replayed_from }) as Delivery
const done = (facts: Facts) => progress(facts).filter(([, is]) => is).map(([step]) => step)

test('an empty tenant has done nothing, and is asked for nothing that its installation lacks', () => {
  expect(progress(empty).map(([step]) => step)).toEqual(['destination', 'publish', 'delivered'])
  expect(done(empty)).toEqual([])
  const demo = { ...empty, testEndpoint: 'http://127.0.0.1:9099/acme/try', inbound: { on: false, webhooks: [] } }
  expect(progress(demo)).toHaveLength(8)
  expect(done(demo)).toEqual([])
})

test('a recovery is a dead letter and a replay that arrived', () => {
  const facts = { ...empty, testEndpoint: 'http://127.0.0.1:9099/acme/try', delivered: [delivery()] }
  expect(done(facts)).toEqual(['delivered'])
  expect(done({ ...facts, deadLettered: true })).toEqual(['delivered', 'broken'])
  expect(done({ ...facts, deadLettered: true, delivered: [delivery('dlv_x')] })).toEqual(['delivered', 'broken', 'recovered'])
})

test('a webhook counts as received once something came in', () => {
  const inbound = { on: true, webhooks: [{ last_delivery_at: null }] }
  expect(done({ ...empty, inbound })).toEqual(['feature', 'webhook'])
  expect(done({ ...empty, inbound: { on: true, webhooks: [{ last_delivery_at: '2026-01-31T12:00:00Z' }] } })).toContain('received')
})

test('of several destinations at the test endpoint the impatient one is watched', () => {
  const testEndpoint = 'http://127.0.0.1:9099/acme/try'
  const own = destination('http://127.0.0.1:9099', IMPATIENT.max_attempts)
  const destinations = [destination('http://127.0.0.1:9099'), destination('https://elsewhere.example', 3), own]
  expect(tried({ destinations, testEndpoint })).toBe(own)
  expect(tried({ destinations })).toBeUndefined()
})
