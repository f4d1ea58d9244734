// Records that a fixed value may name: looked up by how their name begins, and by id.
import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import { answer, client } from './client'

const plurals = {
  asset: ['assets', 'name'],
  board: ['boards', 'board_name'],
  category: ['categories', 'category_name'],
  client: ['clients', 'client_name'],
  contact: ['contacts', 'full_name'],
  location: ['locations', 'name'],
  priority: ['priorities', 'priority_name'],
  project: ['projects', 'project_name'],
  project_phase: ['project-phases', 'phase_name'],
  project_status: ['project-statuses', 'name'],
  service: ['services', 'service_name'],
  status: ['statuses', 'name'],
  team: ['teams', 'team_name'],
  user: ['users', 'name'],
} as const

export type Referenced = keyof typeof plurals
export const isReferenced = (entity: string | null | undefined): entity is Referenced => Boolean(entity && entity in plurals)

export type Choice = { value: string; label: string }
type Row = Record<string, unknown> & { id: string }

/** The lists have the same shape: one path stands for all of them. */
type OneOfThem = '/api/v1/boards'

const SHOWN = 50
const choiceOf = (row: Row, name: string): Choice => ({ value: row.id, label: String(row[name] ?? row.id) })

export const referencesQuery = (entity: Referenced, search: string) =>
  queryOptions({
    queryKey: ['references', entity, search],
    queryFn: async (): Promise<Choice[]> => {
      const [plural, name] = plurals[entity]
      // People can't be searched on the server, so that all are asked for.
      const query = entity === 'user' ? { limit: 100 } : { limit: SHOWN, ...(search ? { q: search } : {}) }
      const found = await answer(client.GET(`/api/v1/${plural}` as OneOfThem, { params: { query } }))
      return (found.data as unknown as Row[]).map((row) => choiceOf(row, name))
    },
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })

/** What a kept id is called; nothing where there is no such record any more. */
export const referenceQuery = (entity: Referenced, id: string) =>
  queryOptions({
    queryKey: ['references', entity, 'one', id],
    queryFn: async (): Promise<Choice> => {
      const [plural, name] = plurals[entity]
      const path = `/api/v1/${plural}/{id}` as '/api/v1/boards/{id}'
      return choiceOf((await answer(client.GET(path, { params: { path: { id } } }))) as unknown as Row, name)
    },
    enabled: id !== '',
    retry: false,
    staleTime: 60_000,
  })
