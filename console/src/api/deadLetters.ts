// What failed for good or is on hold, and the jobs that work on many of them.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once } from './keys'

export type DeadLetter = Schemas['DeadLetter']
export type Inspected = Schemas['Inspected']
export type Job = Schemas['Job']
export type Bulk = Schemas['Bulk']
export type BulkFilter = Schemas['BulkFilter']
export type DeadLetterFilter = Pick<BulkFilter, 'state' | 'destination_id' | 'event_type' | 'reason'>

const list = '/api/v1/integrations/dead-letters'
const LOOK_AGAIN_MS = 1000

const known = (filter: DeadLetterFilter) =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value)) as Record<keyof DeadLetterFilter, string | undefined>

export const deadLettersQuery = (filter: DeadLetterFilter) =>
  infiniteQueryOptions({
    queryKey: ['dead-letters', 'list', filter],
    queryFn: ({ pageParam }) =>
      answer(client.GET(list, { params: { query: { ...known(filter), limit: PAGE, cursor: pageParam } as never } })),
    ...paging,
  })

export const deadLetterQuery = (id: string) =>
  queryOptions({
    queryKey: ['dead-letters', 'one', id],
    queryFn: () => answer(client.GET(`${list}/{id}`, { params: { path: { id } } })),
  })

export const isRunning = (job: Pick<Job, 'state'>) => job.state === 'running' || job.state === 'paused'

export const jobsQuery = queryOptions({
  queryKey: ['jobs', 'list'],
  queryFn: () => answer(client.GET(`${list}/jobs`, { params: { query: { limit: 10 } } })),
  // A running job is watched; nothing else is asked for behind one's back.
  refetchInterval: ({ state }) => (state.data?.data.some((job) => job.state === 'running') ? LOOK_AGAIN_MS : false),
})

/** With `dry_run` the answer is a count, else the job that was started. */
export function useBulk(kind: 'replay' | 'discard') {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ key, ...body }: Bulk & { key: string }): Promise<Schemas['Counted'] | Schemas['Started']> =>
      answer<Schemas['Counted'] | Schemas['Started']>(
        kind === 'replay'
          ? client.POST(`${list}/replay`, { body, params: once(key) })
          : client.POST(`${list}/discard`, { body, params: once(key) }),
      ),
    onSuccess: (_, { dry_run }) =>
      dry_run
        ? undefined
        : Promise.all(['dead-letters', 'jobs', 'deliveries', 'health'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  })
}

/** Jobs over inbound requests are steered at a place of their own. */
export function useSteerJob({ kind }: Pick<Job, 'kind'>) {
  const queries = useQueryClient()
  const inbound = kind === 'inbound_replay'
  return useMutation({
    mutationFn: ({ id, to }: { id: string; to: 'pause' | 'resume' | 'cancel' }) => {
      const params = { path: { id } }
      return inbound
        ? answer(client.POST(`/api/v1/inbound-webhooks/jobs/{id}/${to}`, { params }))
        : answer(client.POST(`${list}/jobs/{id}/${to}`, { params }))
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: inbound ? ['inbound'] : ['jobs'] }),
  })
}
