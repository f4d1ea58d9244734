import { expect, test } from 'vitest'

import type { Attempt, Delivery } from '../../api/deliveries'
import type { Event } from '../../api/events'
import type { InboundDelivery, InboundWebhook } from '../../api/inbound'
import { storyOf } from './story'

const event = { id: 'evt_1', event_type: 'ticket.created', references: {}, source: 'api', created_at: '2026-01-01T00:00:00Z' } as unknown as Event
const delivery = (id: string, state: string, replayed_from?: string) =>
  ({ id, state, destination_id: 'dst_1', destination_name: 'Orders', replayed_from, created_at: '2026-01-01T00:00:01Z' }) as Delivery
const attempt = (id: string, number: number, outcome: string, at: string) =>
  ({ id, number, outcome, retryable: outcome === 'retryable', reason: outcome, started_at: at }) as Attempt
const edges = (story: ReturnType<typeof storyOf>) => story.edges.map(({ from, to }) => `${from}>${to}`)

test('a published event leads to its deliveries and their attempts, oldest first', () => {
  const attempts = { dlv_1: [attempt('att_2', 2, 'accepted', '2026-01-01T00:00:09Z'), attempt('att_1', 1, 'retryable', '2026-01-01T00:00:02Z')] }
  const story = storyOf({ event, deliveries: [delivery('dlv_1', 'delivered'), delivery('dlv_2', 'pending')], attempts })
  expect(edges(story)).toEqual(['evt_1>dlv_1', 'dlv_1>att_1', 'dlv_1>att_2', 'evt_1>dlv_2'])
  const row = (id: string) => story.nodes.find((node) => node.id === id)?.row
  expect([row('dlv_1'), row('att_1'), row('att_2'), row('dlv_2')]).toEqual([0, 0, 1, 2])
  expect(story.nodes.find(({ id }) => id === 'att_1')?.tone).toBe('waiting')
})

test('a replay follows what it repeats', () => {
  const story = storyOf({ event, deliveries: [delivery('dlv_1', 'failed'), delivery('dlv_2', 'delivered', 'dlv_1')], attempts: {} })
  expect(edges(story)).toEqual(['evt_1>dlv_1', 'dlv_1>dlv_2'])
})

test('an event that a received request made begins with that request', () => {
  const inbound = {
    delivery: {
      id: 'ind_1',
      dispatch_status: 'dispatched',
      handler_outcome: { entity_type: 'ticket', entity_id: 'tkt_1', result: 'created' },
    } as unknown as InboundDelivery,
    webhook: { id: 'iwh_1', name: 'Alerts', handler_config: { action: 'createTicket' } } as unknown as InboundWebhook,
  }
  const story = storyOf({ event: { ...event, causation_id: 'ind_1' }, deliveries: [], attempts: {}, inbound })
  expect(edges(story)).toEqual(['ind_1>ind_1-action', 'ind_1-action>record-tkt_1', 'record-tkt_1>evt_1'])
  expect(story.nodes.find(({ column }) => column === 'action')?.title).toBe('createTicket')
})

test('another event as the cause is one that leads there', () => {
  const story = storyOf({ event: { ...event, causation_id: 'evt_0' }, deliveries: [], attempts: {} })
  expect(story.nodes[0]?.leads).toEqual({ kind: 'event', id: 'evt_0' })
})
