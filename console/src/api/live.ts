// What happens, as the server tells it (server-sent events). Honest about being live or not.
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import type { Schemas } from './client'

export type LiveItem =
  | { kind: 'published'; id: string; at: string; item: Schemas['LiveEvent'] }
  | { kind: 'delivery'; id: string; at: string; item: Schemas['LiveDelivery'] }
  | { kind: 'inbound_delivery'; id: string; at: string; item: Schemas['LiveInbound'] }

/** `live`: what happens is told. `broken`: the connection is gone and is tried again. */
export type LiveState = 'off' | 'connecting' | 'live' | 'broken' | 'ended'
export type Feed = { state: LiveState; since: number; lagged: boolean; items: LiveItem[] }

export const KEPT = 100
export const off: Feed = { state: 'off', since: 0, lagged: false, items: [] }

export type LiveTold =
  | { type: 'opening' }
  | { type: 'ready'; at: number }
  | { type: 'item'; item: LiveItem }
  | { type: 'lagged' }
  | { type: 'broken' }
  | { type: 'ended' }
  | { type: 'off' }

/** What is shown after something was told. */
export function follow(feed: Feed, told: LiveTold): Feed {
  switch (told.type) {
    case 'off':
      return { ...feed, state: 'off' }
    case 'opening':
      return { ...off, state: 'connecting' }
    case 'ready':
      return { ...feed, state: 'live', since: told.at }
    case 'item':
      return { ...feed, items: [told.item, ...feed.items].slice(0, KEPT) }
    case 'lagged':
      return { ...feed, lagged: true }
    case 'broken':
      return { ...feed, state: 'broken' }
    case 'ended':
      return { ...feed, state: 'ended' }
  }
}

export function itemOf(kind: LiveItem['kind'], data: string): LiveItem | undefined {
  const item: unknown = JSON.parse(data)
  if (kind === 'published') {
    const told = item as Schemas['LiveEvent']
    return { kind, id: told.event_id, at: told.created_at, item: told }
  }
  if (kind === 'delivery') {
    const told = item as Schemas['LiveDelivery']
    return { kind, id: `${told.delivery.id}-${told.delivery.updated_at}`, at: told.delivery.updated_at, item: told }
  }
  const told = item as Schemas['LiveInbound']
  return { kind, id: `${told.inbound_delivery_id}-${told.dispatch_status}`, at: told.received_at, item: told }
}

/** Lists are loaded anew at most so often while something happens. */
const CALM_MS = 2000

/** Watches while `wanted`; `kinds` of queries are loaded anew when something happened. */
export function useLive(wanted: boolean, kinds: readonly string[]): Feed {
  const [feed, setFeed] = useState<Feed>(off)
  const queries = useQueryClient()
  const names = kinds.join(' ')
  useEffect(() => {
    const tell = (told: LiveTold) => setFeed((before) => follow(before, told))
    if (!wanted) {
      tell({ type: 'off' })
      return
    }
    tell({ type: 'opening' })
    const source = new EventSource('/api/v1/integrations/live')
    let timer: ReturnType<typeof setTimeout> | undefined
    function refresh() {
      timer ??= setTimeout(() => {
        timer = undefined
        for (const name of names.split(' ')) void queries.invalidateQueries({ queryKey: [name] })
      }, CALM_MS)
    }
    for (const kind of ['published', 'delivery', 'inbound_delivery'] as const) {
      source.addEventListener(kind, ({ data }: MessageEvent<string>) => {
        const item = itemOf(kind, data)
        if (item) tell({ type: 'item', item })
        refresh()
      })
    }
    source.addEventListener('ready', () => tell({ type: 'ready', at: Date.now() }))
    source.addEventListener('lagged', () => {
      tell({ type: 'lagged' })
      refresh()
    })
    source.addEventListener('end', () => {
      source.close()
      tell({ type: 'ended' })
    })
    source.addEventListener('error', () => tell({ type: source.readyState === EventSource.CLOSED ? 'ended' : 'broken' }))
    return () => {
      clearTimeout(timer)
      source.close()
    }
  }, [wanted, names, queries])
  return feed
}
