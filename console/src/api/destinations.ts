import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'

export type Destination = Schemas['Destination']
/** The secret is in the answer to the creation alone, and not in its repetition. */
export type CreatedDestination = Schemas['CreatedDestination']
export type DestinationState = 'active' | 'paused' | 'disabled'

const list = '/api/v1/integrations/destinations'

export const destinationsQuery = infiniteQueryOptions({
  queryKey: ['destinations', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { limit: PAGE, cursor: pageParam } } })),
  ...paging,
})

export const destinationQuery = (id: string) =>
  queryOptions({
    queryKey: ['destinations', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
  })

/** What holds for a destination that says nothing of its own. */
export const policyQuery = queryOptions({
  queryKey: ['destinations', 'policy'],
  queryFn: () => answer(client.GET('/api/v1/integrations/delivery-policy')),
})

type NewDestination = { name: string; endpoint_url: string; key: string }

export function useCreateDestination() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ key, ...body }: NewDestination): Promise<CreatedDestination> =>
      answer(client.POST(list, { body, params: { header: { 'Idempotency-Key': key } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['destinations'] }),
  })
}

export function useSwitchDestination(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (to: 'pause' | 'resume') =>
      answer(
        to === 'pause'
          ? client.POST(`${list}/{id}/pause`, { params: { path: { id } } })
          : client.POST(`${list}/{id}/resume`, { params: { path: { id } } }),
      ),
    onSuccess: () => Promise.all(['destinations', 'deliveries'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  })
}

export function useTestDestination(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/test`, { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['deliveries'] }),
  })
}
