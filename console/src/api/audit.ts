import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'

export type AuditEntry = Schemas['AuditEntry']
export type AuditFilter = { actor?: string; action?: string; target?: string; correlation_id?: string; from?: string; to?: string }

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ['audit', 'list', filter],
    queryFn: ({ pageParam }) =>
      answer(client.GET('/api/v1/audit', { params: { query: { ...filter, limit: PAGE, cursor: pageParam } } })),
    ...paging,
  })

/** Walks the whole chain, so it is asked for when somebody asks. */
export const chainQuery = queryOptions({
  queryKey: ['audit', 'chain'],
  queryFn: () => answer(client.GET('/api/v1/audit/verify')),
  staleTime: Infinity,
})
