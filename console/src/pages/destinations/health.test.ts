import { expect, test } from 'vitest'

import type { Delivery, DeliveryState } from '../../api/deliveries'
import { healthOf, latestByDestination } from './health'

const delivery = (state: DeliveryState, destination_id = 'dst_1', id = 'dlv_1') =>
  ({ id, state, destination_id, created_at: '2026-11-22T10:00:00Z' }) as Delivery
const verdict = (...states: DeliveryState[]) => healthOf(states.map((state) => delivery(state))).verdict

test('the worst thing among the deliveries is the verdict', () => {
  expect(verdict()).toBe('none')
  expect(verdict('delivered', 'filtered')).toBe('ok')
  expect(verdict('delivered', 'pending')).toBe('moving')
  expect(verdict('pending', 'retry_scheduled')).toBe('retrying')
  expect(verdict('retry_scheduled', 'parked')).toBe('held')
  expect(verdict('parked', 'failed', 'delivered')).toBe('lost')
})

test('a tile leads to the state that most of its deliveries are in', () => {
  const states: DeliveryState[] = ['dead_lettered', 'failed', 'failed', 'delivered']
  expect(healthOf(states.map((state) => delivery(state))).mostly).toEqual({ lost: 'failed', delivered: 'delivered' })
})

test('each destination keeps its newest delivery', () => {
  const newestFirst = [
    delivery('pending', 'dst_1', 'dlv_3'),
    delivery('failed', 'dst_2', 'dlv_2'),
    delivery('delivered', 'dst_1', 'dlv_1'),
  ]
  const latest = latestByDestination(newestFirst)
  expect(latest.get('dst_1')?.id).toBe('dlv_3')
  expect(latest.get('dst_2')?.id).toBe('dlv_2')
})
