import { expect, test } from 'vitest'

import type { Destination } from '../../api/destinations'
import { changeOf, newDestination, scheduleOf, valuesOf } from './destinationValues'

const destination = {
  id: 'dst_1',
  name: 'Orders',
  adapter_type: 'webhook',
  settings: {},
  event_types: ['order.*'],
  filter: 'payload.amount > 10',
  payload_fields: [],
  headers: [],
  signing: { profile: 'standard' },
  public_keys: [],
  policy: { max_attempts: 3 },
  max_in_flight: 10,
  body: 'envelope',
  enabled: true,
} as unknown as Destination

test('an unchanged form changes nothing', () => {
  expect(changeOf(destination, valuesOf(destination))).toEqual({})
})

test('a change names what differs alone, and an emptied input takes away', () => {
  const values = { ...valuesOf(destination), name: ' Orders 2 ', filter: '', timeout_ms: 5000, endpoint_url: ' https://new.example ' }
  expect(changeOf(destination, values)).toEqual({
    name: 'Orders 2',
    filter: null,
    policy: { max_attempts: 3, timeout_ms: 5000 },
    endpoint_url: 'https://new.example',
  })
})

test('a changed profile is sent, a custom one is left alone', () => {
  expect(changeOf(destination, { ...valuesOf(destination), profile: 'oneprotect' }).signing).toEqual({
    profile: 'oneprotect',
    ed25519: false,
  })
  const custom = { ...destination, signing: { profile: { custom: {} } } } as unknown as Destination
  expect(changeOf(custom, valuesOf(custom))).toEqual({})
})

test('a new destination says nothing of what was left empty', () => {
  const made = newDestination({ ...valuesOf(undefined), name: 'A', endpoint_url: 'https://a.example', schedule: '0, 5 300' })
  expect(made).toMatchObject({ name: 'A', endpoint_url: 'https://a.example', policy: { schedule_seconds: [0, 5, 300] } })
  expect(made).not.toHaveProperty('signing')
  expect(made).not.toHaveProperty('max_in_flight')
})

test('a schedule is whole seconds', () => {
  expect(scheduleOf('0, 5; 300')).toEqual([0, 5, 300])
  expect(scheduleOf('')).toEqual([])
  expect(scheduleOf('soon')).toBeUndefined()
  expect(scheduleOf('1.5')).toBeUndefined()
})
