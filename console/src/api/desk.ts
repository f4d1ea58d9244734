// Records of the desk. All nouns are alike over HTTP, so one set of calls serves them: what a noun is
// particular in stands in pages/desk/nouns.ts.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once } from './keys'

/** What the server lists under one path, by that path's last part. */
export const nounKeys = [
  'tickets',
  'alerts',
  'evidence',
  'clients',
  'locations',
  'contacts',
  'assets',
  'projects',
  'project-phases',
  'project-statuses',
  'project-tasks',
  'time-entries',
  'time-sheets',
  'time-periods',
  'services',
  'invoices',
  'tags',
  'teams',
  'boards',
  'statuses',
  'priorities',
  'categories',
] as const
export type NounKey = (typeof nounKeys)[number]
export const isNounKey = (text: unknown): text is NounKey => nounKeys.some((key) => key === text)

/** What all records have; the rest is known by the noun's description. */
export type DeskRecord = {
  id: string
  version: number
  updated_at: string
  external_refs: Schemas['NameElsewhere'][]
} & { [field: string]: unknown }
export type Given = { [field: string]: unknown }
export type RecordFilter = Record<string, string>
export type Happening = Schemas['Happening']
export type Comment = Schemas['Comment']
export type TagUse = Schemas['TagUse']
export type Mapping = Schemas['Mapping']
export type Association = Schemas['Association']

// One noun's path stands for all in the types: the records that come back are read by their description.
const listPath = (noun: NounKey) => `/api/v1/${noun}` as '/api/v1/clients'
const onePath = (noun: NounKey) => `/api/v1/${noun}/{id}` as '/api/v1/clients/{id}'
const asRecord = (body: unknown) => body as DeskRecord
type Page = { data: DeskRecord[]; next_cursor?: string | null }

export const recordsQuery = (noun: NounKey, filter: RecordFilter, limit = PAGE) =>
  infiniteQueryOptions({
    queryKey: ['desk', noun, 'list', filter, limit],
    queryFn: async ({ pageParam }) =>
      (await answer(client.GET(listPath(noun), { params: { query: { ...filter, limit, cursor: pageParam } as never } }))) as unknown as Page,
    ...paging,
  })

export const recordQuery = (noun: NounKey, id: string) =>
  queryOptions({
    queryKey: ['desk', noun, 'one', id],
    queryFn: async () => asRecord(await answer(client.GET(onePath(noun), { params: { path: { id } } }))),
    retry: false,
  })

/** What a picker offers: those whose name begins with what was typed. */
export const choicesQuery = (noun: NounKey, filter: RecordFilter) =>
  queryOptions({
    queryKey: ['desk', noun, 'choices', filter],
    queryFn: async () =>
      ((await answer(client.GET(listPath(noun), { params: { query: { ...filter, limit: 30 } as never } }))) as unknown as Page).data,
    staleTime: 15_000,
  })

/** Whatever names a record may show its old name until this. */
export function useForgetDesk() {
  const queries = useQueryClient()
  return () =>
    Promise.all(['desk', 'events', 'deliveries', 'audit'].map((key) => queries.invalidateQueries({ queryKey: [key] })))
}

const ifMatch = (version: number) => ({ 'If-Match': `"${version}"` })

/** Makes a record, or changes those fields of it that are given: only if it is still at `version`. */
export function useSaveRecord(noun: NounKey, id: string | undefined) {
  const onSuccess = useForgetDesk()
  return useMutation({
    mutationFn: async ({ body, version, key }: { body: Given; version: number; key: string }) =>
      asRecord(
        await answer<unknown>(
          id
            ? client.PATCH(onePath(noun), { body: body as never, params: { path: { id }, header: ifMatch(version) } })
            : client.POST(listPath(noun), { body: body as never, params: once(key) }),
        ),
      ),
    onSuccess,
  })
}

export function useRemoveRecord(noun: NounKey, id: string) {
  const onSuccess = useForgetDesk()
  return useMutation({
    mutationFn: (version: number) =>
      answer(client.DELETE(onePath(noun), { params: { path: { id }, header: ifMatch(version) } })),
    onSuccess,
  })
}

export type AlertStep = 'acknowledge' | 'resolve' | 'reopen' | 'assign' | 'ticket'

/** What is done with an alert; a ticket that is made of it is what comes back. */
export function useAlertStep(id: string) {
  const onSuccess = useForgetDesk()
  const params = { path: { id } }
  return useMutation({
    mutationFn: async (step: AlertStep) =>
      asRecord(
        await (step === 'assign'
          ? answer<unknown>(client.POST('/api/v1/alerts/{id}/assign', { body: {}, params }))
          : answer<unknown>(client.POST(`/api/v1/alerts/{id}/${step}` as '/api/v1/alerts/{id}/resolve', { params }))),
      ),
    onSuccess,
  })
}

export const historyQuery = (record_id: string) =>
  infiniteQueryOptions({
    queryKey: ['desk', 'history', record_id],
    queryFn: ({ pageParam }) =>
      answer(client.GET('/api/v1/record-history', { params: { query: { record_id, limit: 50, cursor: pageParam } } })),
    ...paging,
  })

export const commentsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['desk', 'comments', id],
    queryFn: ({ pageParam }) =>
      answer(client.GET('/api/v1/tickets/{id}/comments', { params: { path: { id }, query: { limit: 50, cursor: pageParam } } })),
    ...paging,
  })

export function useComment(id: string) {
  const onSuccess = useForgetDesk()
  return useMutation({
    mutationFn: ({ key, ...body }: Pick<Schemas['CommentBody'], 'note' | 'is_internal' | 'is_resolution'> & { key: string }) =>
      answer(client.POST('/api/v1/tickets/{id}/comments', { body, params: { path: { id }, ...once(key) } })),
    onSuccess,
  })
}

export const tagsOfQuery = (record_id: string) =>
  queryOptions({
    queryKey: ['desk', 'tags-of', record_id],
    queryFn: () => answer(client.GET('/api/v1/record-tags', { params: { query: { record_id, limit: 100 } } })),
  })

export function useTagging() {
  const onSuccess = useForgetDesk()
  const put = useMutation({
    mutationFn: ({ key, ...body }: Schemas['NewTagUse'] & { key: string }) =>
      answer(client.POST('/api/v1/record-tags', { body, params: once(key) })),
    onSuccess,
  })
  const takeOff = useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/record-tags/{id}', { params: { path: { id } } })),
    onSuccess,
  })
  return { put, takeOff }
}

export const mappingsQuery = (entity_id: string) =>
  queryOptions({
    queryKey: ['desk', 'mappings', entity_id],
    queryFn: () => answer(client.GET('/api/v1/external-mappings', { params: { query: { entity_id, limit: 100 } } })),
  })

export function useMapping() {
  const onSuccess = useForgetDesk()
  const link = useMutation({
    mutationFn: ({ key, ...body }: Schemas['MappingBody'] & { key: string }) =>
      answer(client.POST('/api/v1/external-mappings', { body, params: once(key) })),
    onSuccess,
  })
  const unlink = useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/external-mappings/{id}', { params: { path: { id } } })),
    onSuccess,
  })
  return { link, unlink }
}

export const associationsQuery = (filter: { ticket_id: string } | { asset_id: string }) =>
  queryOptions({
    queryKey: ['desk', 'associations', filter],
    queryFn: () => answer(client.GET('/api/v1/asset-associations', { params: { query: { ...filter, limit: 100 } } })),
  })

export function useAssociation() {
  const onSuccess = useForgetDesk()
  const link = useMutation({
    mutationFn: ({ key, ...body }: Schemas['AssociationBody'] & { key: string }) =>
      answer(client.POST('/api/v1/asset-associations', { body, params: once(key) })),
    onSuccess,
  })
  const unlink = useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/asset-associations/{id}', { params: { path: { id } } })),
    onSuccess,
  })
  return { link, unlink }
}
