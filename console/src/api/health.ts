// How delivering goes, as the server counts it.
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { type Schemas, answer, client } from './client'

export type Health = Schemas['IntegrationsHealth']
export type Stats = Schemas['DestinationStats']
export type Bucket = Schemas['Bucket']
export type Window = Schemas['Window']
export const windows = ['1h', '24h', '7d'] as const satisfies Window[]
export const isWindow = (text: unknown): text is Window => windows.some((window) => window === text)

export const healthQuery = (window: Window) =>
  queryOptions({
    queryKey: ['health', 'all', window],
    queryFn: () => answer(client.GET('/api/v1/integrations/health', { params: { query: { window } } })),
    placeholderData: keepPreviousData,
  })

export const statsQuery = (id: string, window: Window) =>
  queryOptions({
    queryKey: ['health', 'one', id, window],
    queryFn: () =>
      answer(client.GET('/api/v1/integrations/destinations/{id}/stats', { params: { path: { id }, query: { window } } })),
  })

/** Stops or starts sending for the whole tenant; accepting goes on. */
export function useSending() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (to: 'pause' | 'resume') =>
      answer(to === 'pause' ? client.POST('/api/v1/integrations/pause') : client.POST('/api/v1/integrations/resume')),
    onSuccess: () => Promise.all(['health', 'deliveries'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  })
}
