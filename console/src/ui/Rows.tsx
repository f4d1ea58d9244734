// A table of very many rows: only those that can be seen, and a few around them, are in the page. What
// stands for the others are empty rows of their height. Arrow keys go from row to row.
import { Table } from '@mantine/core'
import { type Range, type Virtualizer, defaultRangeExtractor, useVirtualizer, useWindowVirtualizer } from '@tanstack/react-virtual'
import { type FocusEvent, Fragment, type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

export type Column<T> = {
  id: string
  label: ReactNode
  /** Shown where there is room for it; left out: always. */
  room?: 'middling' | 'wide'
  /** A CSS width; those without one share what is left. */
  width?: string | number
  align?: 'end'
  mono?: boolean
  cell: (row: T) => ReactNode
}

export type RowsProps<T> = {
  label: string
  rows: T[]
  columns: Column<T>[]
  rowId: (row: T) => string
  isChosen?: (row: T) => boolean
  /** Called when the last rows come into sight. */
  onNearEnd: () => void
  /** Whether these are all there are. */
  complete: boolean
}

/** So many are simply all there: a browser's own search finds them. */
export const SMALL = 100
const ESTIMATE_PX = 38
const OVERSCAN = 12
/** So many rows before the last one, the next page is asked for. */
const AHEAD = 25

type Scroller = HTMLElement | 'window'

export function Rows<T>(props: RowsProps<T>) {
  const [scroller, setScroller] = useState<Scroller>()
  const find = useCallback((table: HTMLElement | null) => {
    if (table) setScroller(scrollerOf(table))
  }, [])
  if (scroller === undefined) return <div ref={find} />
  return scroller === 'window' ? <InWindow {...props} /> : <InElement {...props} scroller={scroller} />
}

/** What moves when one scrolls: the page, or a panel. */
function scrollerOf(element: HTMLElement): Scroller {
  for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(up).overflowY)) return up
  }
  return 'window'
}

function InWindow<T>(props: RowsProps<T>) {
  const { margin, place, common } = useCommon(props, 'window')
  const virtual = useWindowVirtualizer<HTMLTableRowElement>({ ...common, scrollMargin: margin })
  return <Body {...props} virtual={virtual as never} margin={margin} place={place} keep={common.keep} />
}

function InElement<T>(props: RowsProps<T> & { scroller: HTMLElement }) {
  const { margin, place, common } = useCommon(props, props.scroller)
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoized by a compiler
  const virtual = useVirtualizer<HTMLElement, HTMLTableRowElement>({
    ...common,
    scrollMargin: margin,
    getScrollElement: () => props.scroller,
  })
  return <Body {...props} virtual={virtual as never} margin={margin} place={place} keep={common.keep} />
}

/** How far from the top of what scrolls the rows begin, whatever changes above them; and which rows to draw. */
function useCommon<T>({ rows, rowId }: RowsProps<T>, scroller: Scroller) {
  const place = useRef<HTMLTableSectionElement>(null)
  const [margin, setMargin] = useState(0)
  const [focused, keep] = useState<number>()
  const measure = useCallback(() => {
    if (!place.current) return
    const top = place.current.getBoundingClientRect().top
    setMargin(Math.round(scroller === 'window' ? top + window.scrollY : top - scroller.getBoundingClientRect().top + scroller.scrollTop))
  }, [scroller])
  useLayoutEffect(measure)
  useEffect(() => {
    const observer = new ResizeObserver(measure)
    observer.observe(scroller === 'window' ? document.body : scroller)
    return () => observer.disconnect()
  }, [measure, scroller])
  const rangeExtractor = useCallback(
    (range: Range) => {
      if (range.count <= SMALL) return Array.from({ length: range.count }, (_, index) => index)
      const drawn = defaultRangeExtractor(range)
      // A row that has the focus stays, or the focus would be lost.
      const lost = focused !== undefined && focused < range.count && !drawn.includes(focused)
      return lost ? [...drawn, focused].sort((a, b) => a - b) : drawn
    },
    [focused],
  )
  const common = {
    count: rows.length,
    estimateSize: () => ESTIMATE_PX,
    overscan: OVERSCAN,
    getItemKey: (index: number) => (rows[index] ? rowId(rows[index]) : index),
    measureElement: (row: HTMLTableRowElement) => row.offsetHeight || ESTIMATE_PX,
    rangeExtractor,
    keep,
  }
  return { margin, place, common }
}

type BodyProps<T> = RowsProps<T> & {
  virtual: Virtualizer<Element, HTMLTableRowElement>
  margin: number
  place: React.RefObject<HTMLTableSectionElement | null>
  keep: (index: number | undefined) => void
}

function Body<T>({ label, rows, columns, rowId, isChosen, onNearEnd, complete, virtual, margin, place, keep }: BodyProps<T>) {
  const items = virtual.getVirtualItems()
  const last = virtual.range?.endIndex ?? 0
  const near = !complete && last >= rows.length - AHEAD
  useEffect(() => {
    if (near) onNearEnd()
  }, [near, onNearEnd, rows.length])

  const rowOf = (element: Element | null) => element?.closest<HTMLElement>('tr[data-index]')
  function focusOn(index: number) {
    const next = Math.max(0, Math.min(rows.length - 1, index))
    virtual.scrollToIndex(next)
    keep(next)
    // Drawn by then: what is kept is drawn.
    requestAnimationFrame(() => opener(place.current, next)?.focus({ preventScroll: true }))
  }
  function onKeyDown(event: KeyboardEvent) {
    const row = rowOf(document.activeElement)
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }
    const step = steps[event.key]
    const typing = document.activeElement instanceof HTMLInputElement && document.activeElement.type !== 'checkbox'
    if (!row || step === undefined || typing || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    focusOn(Number(row.dataset.index) + step)
  }
  function onFocus(event: FocusEvent) {
    const row = rowOf(event.target)
    if (row) keep(Number(row.dataset.index))
  }

  const end = items.at(-1)?.end ?? margin
  return (
    <Table className="rows fixed" aria-label={label} aria-rowcount={complete ? rows.length + 1 : -1} layout="fixed">
      <Table.Thead>
        <Table.Tr aria-rowindex={1}>
          {columns.map(({ id, label: name, room, width, align }) => (
            <Table.Th key={id} className={room} w={width} ta={align}>
              {name}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody ref={place} onKeyDown={onKeyDown} onFocus={onFocus} onBlur={() => keep(undefined)}>
        {items.map((item, drawn) => {
          const row = rows[item.index]
          if (row === undefined) return null
          const gap = item.start - (items[drawn - 1]?.end ?? margin)
          return (
            <Fragment key={item.key}>
              <Gap height={gap} />
              <Table.Tr
                ref={virtual.measureElement}
                data-index={item.index}
                aria-rowindex={item.index + 2}
                data-chosen={isChosen?.(row) || undefined}
                data-row={rowId(row)}
              >
                {columns.map(({ id, room, align, mono, cell }) => (
                  <Table.Td key={id} className={[room, mono && 'mono'].filter(Boolean).join(' ') || undefined} ta={align}>
                    {cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            </Fragment>
          )
        })}
        <Gap height={margin + virtual.getTotalSize() - end} />
      </Table.Tbody>
    </Table>
  )
}

const opener = (body: HTMLElement | null, index: number) =>
  body?.querySelector<HTMLElement>(`tr[data-index="${index}"] .opener, tr[data-index="${index}"] button`)

function Gap({ height }: { height: number }) {
  if (height <= 0) return null
  return (
    <tr aria-hidden="true" className="gap">
      <td style={{ height }} />
    </tr>
  )
}
