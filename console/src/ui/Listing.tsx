// A paged list: waiting, broken, empty, or its rows and where to go on. With columns it is a table that
// feeds itself while one scrolls, however many rows there are; with children it is whatever they make of it.
import { Paper } from '@mantine/core'
import { type ReactNode, useCallback, useMemo } from 'react'

import { Loading } from './Loading'
import { More } from './More'
import { Notice } from './Notice'
import { type Column, Rows } from './Rows'

export type Paged<T> = {
  data: { pages: { data: T[] }[] } | undefined
  isPending: boolean
  error: Error | null
  refetch: () => unknown
  hasNextPage: boolean
  isFetchingNextPage: boolean
  isFetchNextPageError?: boolean
  fetchNextPage: () => unknown
}

type Common<T> = { id: string; of: Paged<T>; empty: ReactNode }
type AsTable<T> = { label: string; columns: Column<T>[]; rowId: (row: T) => string; isChosen?: (row: T) => boolean }
type Props<T> = Common<T> & ((AsTable<T> & { children?: never }) | { children: (rows: T[]) => ReactNode; columns?: never })

export function Listing<T>(props: Props<T>) {
  const { id, of, empty } = props
  const { data, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = of
  const rows = useMemo(() => data?.pages.flatMap((page) => page.data) ?? [], [data])
  const onNearEnd = useCallback(() => {
    // What failed once is asked for again by hand.
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])
  return (
    <Paper className="roomy">
      {of.isPending && <Loading rows={6} />}
      {of.error && <Notice id={`${id}-problem`} error={of.error} onRetry={of.refetch} />}
      {data && rows.length === 0 && !hasNextPage && empty}
      {rows.length > 0 &&
        (props.columns ? (
          <Rows
            label={props.label}
            rows={rows}
            columns={props.columns}
            rowId={props.rowId}
            isChosen={props.isChosen}
            onNearEnd={onNearEnd}
            complete={!hasNextPage}
          />
        ) : (
          props.children(rows)
        ))}
      {data && (rows.length > 0 || hasNextPage) && <More id={`${id}-more`} of={of} count={rows.length} />}
    </Paper>
  )
}
