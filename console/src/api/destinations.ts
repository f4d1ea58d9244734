import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once, randomKey } from './keys'

export type Destination = Schemas['Destination']
/** The secret is in the answer to the creation alone, and not in its repetition. */
export type CreatedDestination = Schemas['CreatedDestination']
export type NewDestination = Schemas['NewDestination']
export type DestinationChange = Schemas['DestinationChange']
export type DestinationState = 'active' | 'paused' | 'disabled'
export type Adapter = Schemas['AdapterKind']
export type Policy = Schemas['DeliveryPolicy']
export type Preview = Schemas['DestinationPreview']

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

export const adaptersQuery = queryOptions({
  queryKey: ['adapters'],
  queryFn: () => answer(client.GET('/api/v1/integrations/adapters')),
  staleTime: Infinity,
})

/** All that is shown of a tenant's destinations depends on each of them. */
function useForget() {
  const queries = useQueryClient()
  const kinds = ['destinations', 'deliveries', 'dead-letters', 'health', 'jobs']
  return () => Promise.all(kinds.map((key) => queries.invalidateQueries({ queryKey: [key] })))
}

export function useCreateDestination() {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: ({ key, ...body }: NewDestination & { key: string }): Promise<CreatedDestination> =>
      answer(client.POST(list, { body, params: once(key) })),
    onSuccess,
  })
}

export function useChangeDestination(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (body: DestinationChange) => answer(client.PATCH(`${list}/{id}`, { body, params: { path: { id } } })),
    onSuccess,
  })
}

export function useDeleteDestination(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: () => answer(client.DELETE(`${list}/{id}`, { params: { path: { id } } })),
    onSuccess,
  })
}

export function useSwitchDestination(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (to: 'pause' | 'resume') =>
      answer(
        to === 'pause'
          ? client.POST(`${list}/{id}/pause`, { params: { path: { id } } })
          : client.POST(`${list}/{id}/resume`, { params: { path: { id } } }),
      ),
    onSuccess,
  })
}

export function useTestDestination(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/test`, { params: { path: { id } } })),
    onSuccess,
  })
}

export function useVerifyDestination(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/verify`, { params: { path: { id } } })),
    onSuccess,
  })
}

export function useRotateSecret(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (body: Schemas['Rotate']) =>
      answer(client.POST(`${list}/{id}/rotate-secret`, { body, params: { path: { id } } })),
    onSuccess,
  })
}

export function useFinalizeRotation(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/finalize-rotation`, { params: { path: { id } } })),
    onSuccess,
  })
}

/** The whole URL, which is written into the audit trail. */
export function useReveal(id: string) {
  return useMutation({ mutationFn: () => answer(client.POST(`${list}/{id}/reveal`, { params: { path: { id } } })) })
}

export type Counted = Schemas['Counted']
export type Started = Schemas['Started']

/** Sends again what failed, or what was never sent, in a stretch of time: counted first, then a job. */
export function useCatchUp(id: string, kind: 'recover' | 'replay-missing') {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (body: Schemas['Recover']): Promise<Counted | Started> => {
      const params = { path: { id }, ...once(randomKey()) }
      return answer<Counted | Started>(
        kind === 'recover'
          ? client.POST(`${list}/{id}/recover`, { body, params })
          : client.POST(`${list}/{id}/replay-missing`, { body, params }),
      )
    },
    onSuccess,
  })
}

/** What would be sent, without sending it. */
export const previewOf = (id: string | undefined, body: Preview) =>
  answer(
    id
      ? client.POST(`${list}/{id}/preview`, { body, params: { path: { id } } })
      : client.POST(`${list}/preview`, { body }),
  )

export function useSetPolicy() {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (body: Policy) => answer(client.PUT('/api/v1/integrations/delivery-policy', { body })),
    onSuccess,
  })
}
