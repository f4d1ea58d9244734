import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'

export type Ticket = Schemas['Ticket']

const list = '/api/v1/tickets'

export const ticketsQuery = infiniteQueryOptions({
  queryKey: ['tickets', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { limit: PAGE, cursor: pageParam } } })),
  ...paging,
})

export const ticketQuery = (id: string) =>
  queryOptions({
    queryKey: ['tickets', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
  })
