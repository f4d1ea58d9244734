// Long lists in the query cache: what was scrolled through is not loaded anew page by page.
import type { QueryClient, QueryKey } from '@tanstack/react-query'

/** So many pages are loaded anew at once; of a longer list only the first one. */
export const PAGES_ANEW = 10

type Long = { pages: unknown[]; pageParams: unknown[] }
const isLong = (data: unknown): data is Long =>
  typeof data === 'object' && data !== null && 'pages' in data && Array.isArray(data.pages) && data.pages.length > PAGES_ANEW

/** Cuts lists that are longer than that to their first page. To be done before they are loaded anew. */
export function shorten(queries: QueryClient, queryKey?: QueryKey) {
  for (const [key, data] of queries.getQueriesData(queryKey ? { queryKey } : {})) {
    if (isLong(data)) {
      queries.setQueryData(key, { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) })
    }
  }
}

/** Whether a list that comes back into sight is loaded anew by itself. */
export const isShort = (data: unknown) => !isLong(data)
