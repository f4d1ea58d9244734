// The one way to the server: a client generated from its OpenAPI document.
import createClient from 'openapi-fetch'

import { isShort } from './pages'
import { Problem, problemOf } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

/** The header is the proof against forged requests that every write with the session cookie needs. */
export const client = createClient<paths>({
  baseUrl: globalThis.location.origin,
  credentials: 'same-origin',
  headers: { 'X-Requested-With': 'hookswitch' },
})

type Reply<T> = Promise<{ data?: T; error?: unknown; response: Response }>

/** The answer's body, or a `Problem` thrown. */
export async function answer<T>(call: Reply<T>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    if (cause instanceof TypeError) throw new Problem(0)
    throw cause
  })
  if (!response.ok) throw problemOf(response, error)
  return data as T
}

/** The most that the server gives at once. */
export const PAGE = 100

type Page = { next_cursor?: string | null }

/** What every paged list tells the query cache. */
export const paging = {
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last: Page) => last.next_cursor ?? undefined,
  refetchOnMount: ({ state }: { state: { data?: unknown } }) => isShort(state.data),
}
