// The demo's own receiver: where a first destination may point, and a switch that makes it fail.
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { answer, client } from './client'

const path = '/api/v1/test-endpoint'

export const testEndpointQuery = queryOptions({
  queryKey: ['test-endpoint'],
  queryFn: () => answer(client.GET(path)),
})

export function useBreak() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (broken: boolean) => answer(client.PUT(path, { body: { broken } })),
    onSuccess: (now) => queries.setQueryData(testEndpointQuery.queryKey, now),
  })
}
