import { useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query'

import { answer, client } from '../../api/client'
import { attemptsQuery, deliveriesQuery } from '../../api/deliveries'
import { eventQuery } from '../../api/events'
import type { InboundDelivery, InboundWebhook } from '../../api/inbound'
import { useSession } from '../../api/session'
import { type Story, storyOf } from './story'

const inbound = '/api/v1/inbound-webhooks'

/** A received request is known by its webhook: each is asked whether it is its own. */
async function findInbound(delivery_id: string): Promise<{ delivery: InboundDelivery; webhook: InboundWebhook } | null> {
  const { data: webhooks } = await answer(client.GET(inbound, { params: { query: { limit: 100 } } }))
  for (const webhook of webhooks) {
    const { data } = await client.GET(`${inbound}/{id}/deliveries/{delivery_id}`, {
      params: { path: { id: webhook.id, delivery_id } },
    })
    if (data) return { delivery: data, webhook }
  }
  return null
}

export function useStory(id: string | undefined) {
  const { may } = useSession()
  const event = useQuery({ ...eventQuery(id ?? ''), enabled: id !== undefined })
  const deliveries = useInfiniteQuery({ ...deliveriesQuery({ event_id: id ?? '' }), enabled: id !== undefined && may('delivery:read') })
  const rows = (deliveries.data?.pages.flatMap((page) => page.data) ?? []).toSorted((a, b) => a.created_at.localeCompare(b.created_at))
  const attempts = useQueries({ queries: rows.map((row) => attemptsQuery(row.id, row.updated_at)) })
  const cause = event.data?.causation_id ?? ''
  const received = useQuery({
    queryKey: ['inbound', 'cause', cause],
    queryFn: () => findInbound(cause),
    enabled: cause.startsWith('ind_') && may('inbound_webhook:read'),
  })
  const story: Story | undefined = event.data && {
    ...storyOf({
      event: event.data,
      deliveries: rows,
      attempts: Object.fromEntries(rows.map((row, place) => [row.id, attempts[place]?.data?.data ?? []])),
      ...(received.data ? { inbound: received.data } : {}),
    }),
  }
  return { event, deliveries, story }
}
