// What the newest deliveries say about whether things flow.
import type { Delivery } from '../../api/deliveries'

export const groups = ['delivered', 'moving', 'retrying', 'held', 'lost', 'aside'] as const
export type Group = (typeof groups)[number]

const groupOf: Record<string, Group> = {
  delivered: 'delivered',
  pending: 'moving',
  delivering: 'moving',
  retry_scheduled: 'retrying',
  parked: 'held',
  dead_lettered: 'lost',
  failed: 'lost',
}

export type Verdict = 'none' | 'ok' | 'moving' | 'retrying' | 'held' | 'lost'
export type Health = {
  counts: Record<Group, number>
  /** The state of each group that most of its deliveries are in. */
  mostly: Partial<Record<Group, string>>
  total: number
  verdict: Verdict
  since: string | undefined
}

/** The worst thing that is there decides. */
const worstFirst = ['lost', 'held', 'retrying', 'moving'] as const

export function healthOf(deliveries: Delivery[]): Health {
  const counts = { delivered: 0, moving: 0, retrying: 0, held: 0, lost: 0, aside: 0 }
  const perState = new Map<string, number>()
  const mostly: Health['mostly'] = {}
  for (const { state } of deliveries) {
    const group = groupOf[state] ?? 'aside'
    counts[group] += 1
    perState.set(state, (perState.get(state) ?? 0) + 1)
    const before = mostly[group]
    if (!before || (perState.get(state) ?? 0) > (perState.get(before) ?? 0)) mostly[group] = state
  }
  const worst = worstFirst.find((group) => counts[group] > 0)
  const verdict = worst ?? (deliveries.length > 0 ? 'ok' : 'none')
  return { counts, mostly, total: deliveries.length, verdict, since: deliveries.at(-1)?.created_at }
}

/** The newest delivery of each destination; `deliveries` come newest first. */
export function latestByDestination(deliveries: Delivery[]): Map<string, Delivery> {
  const latest = new Map<string, Delivery>()
  for (const delivery of deliveries) {
    if (!latest.has(delivery.destination_id)) latest.set(delivery.destination_id, delivery)
  }
  return latest
}
