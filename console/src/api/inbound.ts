import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once } from './keys'

export type InboundWebhook = Schemas['InboundWebhookConfig']
/** The secret is in the answer to the creation alone. */
export type CreatedInbound = InboundWebhook & { secret?: string | null }
export type InboundInput = Schemas['InboundWebhookInput']
export type InboundDelivery = Schemas['InboundWebhookDelivery']
export type InboundAction = Schemas['InboundActionDefinition']
export type InboundPreview = Schemas['InboundPreview']
export type InboundPreset = Schemas['InboundPreset']
export type Sample = Schemas['InboundSample']
/** Empty texts and undefined: all of them. */
export type LogFilter = {
  status?: string
  auth_status?: string
  search?: string
  is_replay?: boolean
  dead_lettered?: boolean
}

const list = '/api/v1/inbound-webhooks'
/** A log that is looked at is looked at again; a page that nobody sees asks for nothing. */
const LOOK_AGAIN_MS = 5000
const WAITING_MS = 1500

/** The log stands in a drawer: fewer at a time. */
const LOG_PAGE = 50

export const inboundQuery = infiniteQueryOptions({
  queryKey: ['inbound', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { limit: PAGE, cursor: pageParam } } })),
  ...paging,
})

export const inboundWebhookQuery = (id: string) =>
  queryOptions({
    queryKey: ['inbound', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
  })

export const inboundLogQuery = (id: string, filter: LogFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ['inbound', 'log', id, filter],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET(`${list}/{id}/deliveries`, {
          params: { path: { id }, query: { ...filter, limit: LOG_PAGE, cursor: pageParam } as never },
        }),
      ),
    refetchInterval: LOOK_AGAIN_MS,
    refetchIntervalInBackground: false,
    ...paging,
  })

export const inboundDeliveryQuery = (id: string, delivery_id: string) =>
  queryOptions({
    queryKey: ['inbound', 'delivery', id, delivery_id],
    queryFn: () => answer(client.GET(`${list}/{id}/deliveries/{delivery_id}`, { params: { path: { id, delivery_id } } })),
  })

export const actionsQuery = queryOptions({
  queryKey: ['inbound', 'actions'],
  queryFn: () => answer(client.GET(`${list}/actions`)),
  staleTime: Infinity,
})

export const presetsQuery = queryOptions({
  queryKey: ['inbound', 'presets'],
  queryFn: () => answer(client.GET(`${list}/presets`)),
  staleTime: Infinity,
})

/** The kept request; asked for again and again while one is waited for. */
export const sampleQuery = (id: string) =>
  queryOptions({
    queryKey: ['inbound', 'sample', id],
    queryFn: () => answer(client.GET(`${list}/{id}/capture-sample`, { params: { path: { id } } })),
    refetchInterval: ({ state }) => (state.data?.capture_expires_at ? WAITING_MS : false),
  })

export const replayPreviewQuery = (id: string, delivery_id: string) =>
  queryOptions({
    queryKey: ['inbound', 'replay-preview', id, delivery_id],
    queryFn: () =>
      answer(client.GET(`${list}/{id}/deliveries/{delivery_id}/replay-preview`, { params: { path: { id, delivery_id } } })),
    retry: false,
  })

function useForget() {
  const queries = useQueryClient()
  return () => queries.invalidateQueries({ queryKey: ['inbound'] })
}

export function useSaveInbound(id: string | undefined) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: ({ key, ...body }: InboundInput & { key: string }): Promise<CreatedInbound> =>
      answer<CreatedInbound>(
        id
          ? client.PUT(`${list}/{id}`, { body, params: { path: { id } } })
          : client.POST(list, { body, params: once(key) }),
      ),
    onSuccess,
  })
}

export function useDeleteInbound(id: string) {
  const onSuccess = useForget()
  return useMutation({ mutationFn: () => answer(client.DELETE(`${list}/{id}`, { params: { path: { id } } })), onSuccess })
}

export function useSetActive(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (is_active: boolean) => answer(client.PATCH(`${list}/{id}`, { body: { is_active }, params: { path: { id } } })),
    onSuccess,
  })
}

export function useRotateInbound(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (body: Schemas['InboundRotation']) =>
      answer(client.POST(`${list}/{id}/rotate-secret`, { body, params: { path: { id } } })),
    onSuccess,
  })
}

export function useFinalizeInbound(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: () => answer(client.POST(`${list}/{id}/finalize-rotation`, { params: { path: { id } } })),
    onSuccess,
  })
}

export function useCapture(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (wanted: boolean): Promise<unknown> => {
      const params = { path: { id } }
      return wanted
        ? answer(client.POST(`${list}/{id}/capture-sample`, { params }))
        : answer(client.DELETE(`${list}/{id}/capture-sample`, { params }))
    },
    onSuccess,
  })
}

export function useTestInbound(id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (body: Schemas['InboundTestInput']) =>
      answer(client.POST(`${list}/{id}/test`, { body, params: { path: { id } } })),
    onSuccess,
  })
}

export function useReplayInbound(id: string, delivery_id: string) {
  const onSuccess = useForget()
  return useMutation({
    mutationFn: (config: Schemas['InboundReplayConfig']) =>
      answer(
        client.POST(`${list}/{id}/deliveries/{delivery_id}/replay`, {
          body: { config },
          params: { path: { id, delivery_id } },
        }),
      ),
    onSuccess,
  })
}

export const previewInbound = (id: string, body: Schemas['InboundPreviewInput']) =>
  answer(client.POST(`${list}/{id}/preview`, { body, params: { path: { id } } }))
