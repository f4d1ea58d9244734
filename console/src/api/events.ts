import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once } from './keys'

export type Event = Schemas['Event']
export type EventType = Schemas['EventType']
export type NewEventType = Schemas['NewEventType']
export type EventFilter = { event_type?: string; correlation_id?: string; text?: string; from?: string; to?: string }

const list = '/api/v1/events'
const types = '/api/v1/event-types'

export const eventsQuery = (filter: EventFilter) =>
  infiniteQueryOptions({
    queryKey: ['events', 'list', filter],
    queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { ...filter, limit: PAGE, cursor: pageParam } } })),
    ...paging,
  })

export const eventQuery = (id: string) =>
  queryOptions({
    queryKey: ['events', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
    retry: false,
  })

/** The bytes that destinations get which neither filter nor transform. */
export const envelopeQuery = (id: string) =>
  queryOptions({
    queryKey: ['events', 'envelope', id],
    queryFn: () => answer(client.GET(`${list}/{id}/envelope`, { params: { path: { id } } })),
  })

export const eventTypesQuery = infiniteQueryOptions({
  queryKey: ['event-types', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET(types, { params: { query: { limit: 100, cursor: pageParam } } })),
  ...paging,
})

export function useSaveEventType(id: string | undefined) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ key, name, ...rest }: NewEventType & { key: string }) =>
      answer<EventType>(
        id
          ? client.PATCH(`${types}/{id}`, { body: rest, params: { path: { id } } })
          : client.POST(types, { body: { name, ...rest }, params: once(key) }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['event-types'] }),
  })
}

export function useDeleteEventType() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE(`${types}/{id}`, { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['event-types'] }),
  })
}

export function usePublish() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ key, ...body }: Schemas['NewEvent'] & { key: string }) =>
      answer(client.POST(list, { body, params: once(key) })),
    onSuccess: () => Promise.all(['events', 'deliveries', 'health'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  })
}
