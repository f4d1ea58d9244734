import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { type Schemas, answer, client, paging } from './client'

export type Credential = Schemas['Credential']

const list = '/api/v1/integrations/credentials'

export const credentialsQuery = infiniteQueryOptions({
  queryKey: ['credentials', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { limit: 100, cursor: pageParam } } })),
  ...paging,
})

export const credentialQuery = (id: string) =>
  queryOptions({
    queryKey: ['credentials', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
  })
