// Looks at the tenant again and again, as long as something is left to do and somebody looks.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'

import { deliveriesQuery } from '../../api/deliveries'
import { destinationsQuery } from '../../api/destinations'
import { eventsQuery } from '../../api/events'
import { inboundQuery } from '../../api/inbound'
import { useSession } from '../../api/session'
import { testEndpointQuery } from '../../api/testEndpoint'
import { type Facts, progress } from './progress'

export const LOOK_AGAIN_MS = 1500
const NEWEST = 25

export function useFacts() {
  const { session, may } = useSession()
  const again = { refetchInterval: LOOK_AGAIN_MS, refetchIntervalInBackground: false } as const
  const endpoint = useQuery(testEndpointQuery)
  const destinations = useInfiniteQuery({ ...destinationsQuery, ...again })
  const events = useInfiniteQuery({ ...eventsQuery({}), ...again })
  const delivered = useInfiniteQuery({ ...deliveriesQuery({ state: 'delivered' }, NEWEST), ...again })
  const dead = useInfiniteQuery({ ...deliveriesQuery({ state: 'dead_lettered' }, 1), ...again })
  const webhooks = useInfiniteQuery({ ...inboundQuery, ...again, enabled: may('inbound_webhook:read') })
  const first = <T>(query: { data?: { pages: { data: T[] }[] } }) => query.data?.pages.flatMap(({ data }) => data) ?? []
  const facts: Facts = {
    destinations: first(destinations),
    published: first(events).length > 0,
    delivered: first(delivered),
    deadLettered: first(dead).length > 0,
    inbound: may('inbound_webhook:read')
      ? { on: session.features.inbound_webhooks_enabled, webhooks: first(webhooks) }
      : undefined,
    testEndpoint: endpoint.data?.url ?? undefined,
  }
  const all = [endpoint, destinations, events, delivered, dead, webhooks]
  return {
    facts,
    steps: progress(facts),
    webhooks: first(webhooks),
    broken: endpoint.data?.broken ?? false,
    pending: all.some(({ isLoading }) => isLoading),
    error: all.find(({ error }) => error)?.error,
  }
}
