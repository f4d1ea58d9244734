import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'

export type InboundWebhook = Schemas['InboundWebhookConfig']
export type InboundDelivery = Schemas['InboundWebhookDelivery']

const list = '/api/v1/inbound-webhooks'

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

export const inboundLogQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['inbound', 'log', id],
    queryFn: ({ pageParam }) =>
      answer(client.GET(`${list}/{id}/deliveries`, { params: { path: { id }, query: { limit: PAGE, cursor: pageParam } } })),
    ...paging,
  })
