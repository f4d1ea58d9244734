// What the server's figures say about whether things flow, and which destinations a filter shows.
import type { Delivery } from '../../api/deliveries'
import type { Destination } from '../../api/destinations'
import type { Health } from '../../api/health'

export type Verdict = 'none' | 'ok' | 'moving' | 'retrying' | 'held' | 'lost' | 'stopped'

/** The worst thing that is there decides. */
export function verdictOf(health: Health): { verdict: Verdict; count: number } {
  const lost = health.dead_lettered + health.failed
  const moving = health.pending + health.delivering
  if (health.sending_paused) return { verdict: 'stopped', count: health.parked }
  if (lost > 0) return { verdict: 'lost', count: lost }
  if (health.parked > 0) return { verdict: 'held', count: health.parked }
  if (health.retrying > 0) return { verdict: 'retrying', count: health.retrying }
  if (moving > 0) return { verdict: 'moving', count: moving }
  return { verdict: health.attempts > 0 ? 'ok' : 'none', count: health.delivered }
}

/** The newest delivery of each destination; `deliveries` come newest first. */
export function latestByDestination(deliveries: Delivery[]): Map<string, Delivery> {
  const latest = new Map<string, Delivery>()
  for (const delivery of deliveries) {
    if (!latest.has(delivery.destination_id)) latest.set(delivery.destination_id, delivery)
  }
  return latest
}

export const filters = ['all', 'enabled', 'disabled', 'retry_scheduled', 'failed', 'dead_lettered', 'delivered'] as const
export type Filter = (typeof filters)[number]
export const isFilter = (text: unknown): text is Filter => filters.some((filter) => filter === text)

/** Of what is loaded already: by its switch, or by how its latest delivery stands. */
export function shows(filter: Filter, destination: Pick<Destination, 'id' | 'enabled'>, latest: Map<string, Delivery>): boolean {
  switch (filter) {
    case 'all':
      return true
    case 'enabled':
      return destination.enabled
    case 'disabled':
      return !destination.enabled
    default:
      return latest.get(destination.id)?.state === filter
  }
}
