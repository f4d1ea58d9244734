// One event's whole story as a graph: what came in, what it made, the event, and each way out.
import type { Attempt, Delivery } from '../../api/deliveries'
import type { Event } from '../../api/events'
import type { InboundDelivery, InboundWebhook } from '../../api/inbound'
import { recordPrefixes } from '../../paths'
import { outcomeOf } from '../inbound/outcome'
import { markOf } from '../deliveries/mark'

export const columns = ['cause', 'action', 'record', 'event', 'delivery', 'attempt'] as const
export type Column = (typeof columns)[number]
export type StoryTone = 'good' | 'waiting' | 'bad' | 'plain'

export type StoryNode = {
  id: string
  column: Column
  /** Its place among those of its column, from the top. */
  row: number
  title: string
  text: string
  at?: string
  tone: StoryTone
  /** Where more of it is shown. */
  leads?: { kind: 'delivery' | 'event' | 'webhook' | 'record'; id: string }
}
export type StoryEdge = { from: string; to: string }
export type Story = { nodes: StoryNode[]; edges: StoryEdge[] }

export type Told = {
  event: Event
  deliveries: Delivery[]
  attempts: Record<string, Attempt[]>
  inbound?: { delivery: InboundDelivery; webhook: InboundWebhook }
}

const stateTones: Record<string, StoryTone> = {
  delivered: 'good',
  pending: 'waiting',
  delivering: 'waiting',
  retry_scheduled: 'waiting',
  parked: 'waiting',
  dead_lettered: 'bad',
  failed: 'bad',
}

export function storyOf({ event, deliveries, attempts, inbound }: Told): Story {
  const nodes: StoryNode[] = []
  const edges: StoryEdge[] = []
  let before = causeOf(event, inbound, nodes)
  const record = recordOf(event, inbound)
  if (inbound) before = join(nodes, edges, before, actionOf(inbound))
  if (record) before = join(nodes, edges, before, record)
  join(nodes, edges, before, {
    id: event.id,
    column: 'event',
    row: 0,
    title: event.event_type,
    text: event.source,
    at: event.created_at,
    tone: 'plain',
    leads: { kind: 'event', id: event.id },
  })
  let row = 0
  for (const delivery of deliveries) {
    const tried = attempts[delivery.id] ?? []
    nodes.push({
      id: delivery.id,
      column: 'delivery',
      row,
      title: delivery.destination_name ?? delivery.destination_id,
      text: delivery.state,
      at: delivery.created_at,
      tone: stateTones[delivery.state] ?? 'plain',
      leads: { kind: 'delivery', id: delivery.id },
    })
    // A replay follows the delivery that it repeats.
    const original = deliveries.find(({ id }) => id === delivery.replayed_from)
    edges.push({ from: original?.id ?? event.id, to: delivery.id })
    const oldestFirst = tried.toSorted((a, b) => a.started_at.localeCompare(b.started_at))
    oldestFirst.forEach((attempt, place) => {
      const mark = markOf(attempt)
      nodes.push({
        id: attempt.id,
        column: 'attempt',
        row: row + place,
        title: attempt.number ? String(attempt.number) : '–',
        text: attempt.reason,
        at: attempt.started_at,
        tone: mark === 'accepted' ? 'good' : mark === 'terminal' || mark === 'exhausted' ? 'bad' : 'waiting',
        leads: { kind: 'delivery', id: delivery.id },
      })
      edges.push({ from: delivery.id, to: attempt.id })
    })
    row += Math.max(1, oldestFirst.length)
  }
  return { nodes, edges }
}

/** What brought the event about: a received request, or another event. */
function causeOf(event: Event, inbound: Told['inbound'], nodes: StoryNode[]): string | undefined {
  if (inbound) {
    const { delivery, webhook } = inbound
    nodes.push({
      id: delivery.id,
      column: 'cause',
      row: 0,
      title: webhook.name,
      text: delivery.dispatch_status,
      at: delivery.received_at,
      tone: delivery.dispatch_status === 'failed' ? 'bad' : 'good',
      leads: { kind: 'webhook', id: webhook.id },
    })
    return delivery.id
  }
  const cause = event.causation_id
  if (!cause) return undefined
  const leads = cause.startsWith('evt_') ? ({ kind: 'event', id: cause } as const) : undefined
  nodes.push({ id: cause, column: 'cause', row: 0, title: cause, text: '', tone: 'plain', ...(leads ? { leads } : {}) })
  return cause
}

function actionOf({ delivery, webhook }: NonNullable<Told['inbound']>): StoryNode {
  const outcome = outcomeOf(delivery)
  return {
    id: `${delivery.id}-action`,
    column: 'action',
    row: 0,
    title: (webhook.handler_config as { action?: string } | null | undefined)?.action ?? webhook.handler_type,
    text: outcome.kind === 'done' ? outcome.result : outcome.kind === 'text' ? outcome.text : outcome.kind,
    tone: delivery.dispatch_status === 'failed' ? 'bad' : 'good',
  }
}

function recordOf(event: Event, inbound: Told['inbound']): StoryNode | undefined {
  const outcome = inbound && outcomeOf(inbound.delivery)
  const [entity, id] =
    outcome?.kind === 'done'
      ? [outcome.entity, outcome.id]
      : (Object.entries(event.references).map(([name, value]) => [name.replace(/_id$/, ''), String(value)] as const)[0] ?? [])
  if (!entity || !id) return undefined
  const leads = recordPrefixes.test(id) ? ({ kind: 'record', id } as const) : undefined
  return { id: `record-${id}`, column: 'record', row: 0, title: entity, text: id, tone: 'plain', ...(leads ? { leads } : {}) }
}

function join(nodes: StoryNode[], edges: StoryEdge[], before: string | undefined, node: StoryNode): string {
  nodes.push(node)
  if (before) edges.push({ from: before, to: node.id })
  return node.id
}
