// The frame of a paged list: waiting, broken, empty, or its rows and where to go on.
import { Paper } from '@mantine/core'
import type { ReactNode } from 'react'

import { Loading } from './Loading'
import { More } from './More'
import { Notice } from './Notice'

type Paged<T> = {
  data: { pages: { data: T[] }[] } | undefined
  isPending: boolean
  error: Error | null
  refetch: () => unknown
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage: () => unknown
}

type Props<T> = { id: string; of: Paged<T>; empty: ReactNode; children: (rows: T[]) => ReactNode }

export function Listing<T>({ id, of, empty, children }: Props<T>) {
  const rows = of.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Paper className="roomy">
      {of.isPending && <Loading rows={6} />}
      {of.error && <Notice id={`${id}-problem`} error={of.error} onRetry={of.refetch} />}
      {of.data && rows.length === 0 && !of.hasNextPage && empty}
      {rows.length > 0 && children(rows)}
      {of.data && (rows.length > 0 || of.hasNextPage) && <More id={`${id}-more`} of={of} count={rows.length} />}
    </Paper>
  )
}
