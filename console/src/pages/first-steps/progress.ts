// What is done of the first steps, told by nothing but the tenant's own data.
import type { Delivery } from '../../api/deliveries'
import type { Destination } from '../../api/destinations'

export type Step = 'destination' | 'publish' | 'delivered' | 'broken' | 'recovered' | 'feature' | 'webhook' | 'received'

export type Facts = {
  destinations: Destination[]
  published: boolean
  /** The newest deliveries that arrived, and whether one failed for good. */
  delivered: Delivery[]
  deadLettered: boolean
  /** Absent where this person sees no inbound webhooks. */
  inbound?: { on: boolean; webhooks: { last_delivery_at?: string | null }[] }
  /** The demo's; absent in an installation of one's own. */
  testEndpoint?: string
}

/** Three tries within half a minute, so that a failure can be watched from beginning to end. */
export const IMPATIENT = { max_attempts: 3, schedule_seconds: [0, 8, 12], jitter: 0 }

/** The destination that was made for the test endpoint: the one that gives up soon. */
export function tried({ destinations, testEndpoint }: Pick<Facts, 'destinations' | 'testEndpoint'>): Destination | undefined {
  if (!testEndpoint) return undefined
  const { origin } = new URL(testEndpoint)
  return destinations.find(({ endpoint, policy }) => endpoint === origin && policy.max_attempts === IMPATIENT.max_attempts)
}

export function progress(facts: Facts): [Step, boolean][] {
  const { destinations, published, delivered, deadLettered, inbound, testEndpoint } = facts
  const outbound: [Step, boolean][] = [
    ['destination', destinations.length > 0],
    ['publish', published],
    ['delivered', delivered.length > 0],
  ]
  // What can't be broken here can't be watched failing.
  const trouble: [Step, boolean][] = [
    ['broken', deadLettered],
    ['recovered', deadLettered && delivered.some(({ replayed_from }) => Boolean(replayed_from))],
  ]
  const receiving: [Step, boolean][] = [
    ['feature', inbound?.on ?? false],
    ['webhook', (inbound?.webhooks.length ?? 0) > 0],
    ['received', inbound?.webhooks.some(({ last_delivery_at }) => Boolean(last_delivery_at)) ?? false],
  ]
  return [...outbound, ...(testEndpoint ? trouble : []), ...(inbound ? receiving : [])]
}
