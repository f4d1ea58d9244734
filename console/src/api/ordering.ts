// Keys of ordered destinations under which something waits, and what may be done with the delivery at their head.
import { infiniteQueryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { type Schemas, answer, client, paging } from './client'

export type OrderingKey = Schemas['OrderingKey']
export type HeadAct = 'retry' | 'skip' | 'dead-letter'

const SHOWN = 20

export const orderingKeysQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['deliveries', 'ordering', id],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET('/api/v1/integrations/destinations/{id}/ordering-keys', {
          params: { path: { id }, query: { limit: SHOWN, cursor: pageParam } },
        }),
      ),
    ...paging,
  })

export function useHeadAct() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ id, act }: { id: string; act: HeadAct }): Promise<unknown> =>
      answer(client.POST(`/api/v1/integrations/deliveries/{id}/${act}`, { params: { path: { id } } })),
    onSuccess: () => Promise.all(['deliveries', 'health'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  })
}
