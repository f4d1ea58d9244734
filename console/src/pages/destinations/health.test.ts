import { expect, test } from 'vitest'

import type { Delivery, DeliveryState } from '../../api/deliveries'
import type { Health } from '../../api/health'
import { latestByDestination, shows, verdictOf } from './health'

const delivery = (state: DeliveryState, destination_id = 'dst_1', id = 'dlv_1') =>
  ({ id, state, destination_id, created_at: '2026-11-22T10:00:00Z' }) as Delivery

const nothing = { attempts: 0, delivered: 0, dead_lettered: 0, failed: 0, pending: 0, delivering: 0, retrying: 0, parked: 0 }
const verdict = (found: Partial<Health>) => verdictOf({ ...nothing, ...found } as Health)

test('the worst thing that is there is the verdict', () => {
  expect(verdict({}).verdict).toBe('none')
  expect(verdict({ attempts: 3, delivered: 3 }).verdict).toBe('ok')
  expect(verdict({ attempts: 3, pending: 1 }).verdict).toBe('moving')
  expect(verdict({ pending: 1, retrying: 2 })).toEqual({ verdict: 'retrying', count: 2 })
  expect(verdict({ retrying: 2, parked: 4 })).toEqual({ verdict: 'held', count: 4 })
  expect(verdict({ parked: 4, dead_lettered: 1, failed: 2 })).toEqual({ verdict: 'lost', count: 3 })
  expect(verdict({ dead_lettered: 1, sending_paused: true }).verdict).toBe('stopped')
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

test('a filter looks at the switch or at the latest delivery', () => {
  const latest = latestByDestination([delivery('retry_scheduled', 'dst_1'), delivery('dead_lettered', 'dst_2')])
  const [on, off] = [
    { id: 'dst_1', enabled: true },
    { id: 'dst_2', enabled: false },
  ]
  const shown = (filter: Parameters<typeof shows>[0]) => [on, off].filter((one) => shows(filter, one, latest))
  expect(shown('all')).toEqual([on, off])
  expect(shown('enabled')).toEqual([on])
  expect(shown('disabled')).toEqual([off])
  expect(shown('retry_scheduled')).toEqual([on])
  expect(shown('dead_lettered')).toEqual([off])
  expect(shown('delivered')).toEqual([])
})
