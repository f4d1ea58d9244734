import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'

export type Delivery = Schemas['Delivery']
export type Attempt = Schemas['Attempt']
export const deliveryStates = [
  'pending',
  'delivering',
  'delivered',
  'filtered',
  'retry_scheduled',
  'parked',
  'dead_lettered',
  'failed',
  'discarded',
  'cancelled',
] as const
export type DeliveryState = (typeof deliveryStates)[number]
export const isDeliveryState = (text: unknown): text is DeliveryState => deliveryStates.some((state) => state === text)

export type DeliveryFilter = { state?: DeliveryState; destination_id?: string; event_id?: string }

/** As many of the newest deliveries as the summary looks at. */
export const SAMPLE = 100

const list = '/api/v1/integrations/deliveries'

export const deliveriesQuery = (filter: DeliveryFilter, limit = PAGE) =>
  infiniteQueryOptions({
    queryKey: ['deliveries', 'list', filter, limit],
    queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { ...filter, limit, cursor: pageParam } } })),
    ...paging,
  })

export const sampleQuery = queryOptions({
  queryKey: ['deliveries', 'sample'],
  queryFn: () => answer(client.GET(list, { params: { query: { limit: SAMPLE } } })),
})

/** Whether the delivery will be settled within moments. */
export const isMoving = (state: string) => state === 'pending' || state === 'delivering'
const LOOK_AGAIN_MS = 2000

export const deliveryQuery = (id: string) =>
  queryOptions({
    queryKey: ['deliveries', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data.state) ? LOOK_AGAIN_MS : false),
  })

/** `seen` is the delivery's last change: a new one fetches the attempts anew. */
export const attemptsQuery = (id: string, seen: string | undefined) =>
  queryOptions({
    queryKey: ['deliveries', 'attempts', id, seen],
    queryFn: () => answer(client.GET(`${list}/{id}/attempts`, { params: { path: { id } } })),
    enabled: seen !== undefined,
    placeholderData: (before, query) => (query?.queryKey[2] === id ? before : undefined),
  })

/** The body as the destination gets it. */
export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ['deliveries', 'request', id],
    queryFn: () => answer(client.GET(`${list}/{id}/request`, { params: { path: { id } } })),
    retry: false,
  })

export function useReplay(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/replay`, { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['deliveries'] }),
  })
}

export function useCancel(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/cancel`, { params: { path: { id } } })),
    onSuccess: () => Promise.all(['deliveries', 'health'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  })
}
