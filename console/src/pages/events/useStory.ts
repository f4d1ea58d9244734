import { useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query'

import { attemptsQuery, deliveriesQuery } from '../../api/deliveries'
import { eventQuery } from '../../api/events'
import { receivedQuery } from '../../api/received'
import { useSession } from '../../api/session'
import { type Story, storyOf } from './story'

export function useStory(id: string | undefined) {
  const { may } = useSession()
  const event = useQuery({ ...eventQuery(id ?? ''), enabled: id !== undefined })
  const deliveries = useInfiniteQuery({ ...deliveriesQuery({ event_id: id ?? '' }), enabled: id !== undefined && may('delivery:read') })
  const rows = (deliveries.data?.pages.flatMap((page) => page.data) ?? []).toSorted((a, b) => a.created_at.localeCompare(b.created_at))
  const attempts = useQueries({ queries: rows.map((row) => attemptsQuery(row.id, row.updated_at)) })
  const cause = event.data?.causation_id ?? ''
  const received = useQuery({
    ...receivedQuery(cause),
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
