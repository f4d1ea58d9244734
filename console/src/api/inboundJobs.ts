// Many logged requests done again: counted first, then a job.
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { type Schemas, answer, client } from './client'
import { isRunning } from './deadLetters'
import { once } from './keys'

export type InboundBulk = Schemas['InboundBulkReplay']

const list = '/api/v1/inbound-webhooks'
const LOOK_AGAIN_MS = 1000
const SHOWN = 10

export const inboundJobsQuery = queryOptions({
  queryKey: ['inbound', 'jobs'],
  queryFn: () => answer(client.GET(`${list}/jobs`, { params: { query: { limit: SHOWN } } })),
  refetchInterval: ({ state }) => (state.data?.data.some((job) => job.state === 'running') ? LOOK_AGAIN_MS : false),
  select: ({ data }) => ({ working: data.filter(isRunning), ended: data.filter((job) => !isRunning(job)) }),
})

/** With `dry_run` the answer is a count, else the job that was started. */
export function useBulkReplay(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ key, ...body }: InboundBulk & { key: string }): Promise<Schemas['Counted'] | Schemas['Started']> =>
      answer<Schemas['Counted'] | Schemas['Started']>(
        client.POST(`${list}/{id}/replay`, { body, params: { ...once(key), path: { id } } }),
      ),
    onSuccess: (_, { dry_run }) => (dry_run ? undefined : queries.invalidateQueries({ queryKey: ['inbound'] })),
  })
}
