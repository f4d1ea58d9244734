// What would come of an event with the filter, allow-list and transform as they stand in the form, and what they may name.
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { type Destination, previewOf } from '../../api/destinations'
import { envelopeQuery, eventsQuery } from '../../api/events'
import { useSession } from '../../api/session'
import { leavesOf } from '../inbound/mapping'
import type { DestinationFormApi } from './DestinationForm'

export const SAMPLE = { event_type: 'ticket.created', payload: { title: 'Disk full on db-1', priority: 'high' } }
const TYPING_MS = 350
const OFFERED = 10

type Expression = 'filter' | 'transform'

export function useContentPreview(form: DestinationFormApi, destination: Destination | undefined) {
  const { may } = useSession()
  const [picked, setPicked] = useState('')
  const events = useInfiniteQuery({ ...eventsQuery({}), enabled: may('event:read') })
  const latest = events.data?.pages[0]?.data.slice(0, OFFERED) ?? []
  const chosen = picked || (latest[0]?.id ?? '')
  const envelope = useQuery({ ...envelopeQuery(chosen), enabled: chosen !== '', retry: false }).data
  const { filter, payload_fields, transform, body } = form.values
  const [asked] = useDebouncedValue({ filter, payload_fields, transform, body, event: chosen }, TYPING_MS)
  const { data, error } = useQuery({
    queryKey: ['preview', destination?.id, asked],
    queryFn: () =>
      previewOf(destination?.id, {
        filter: asked.filter.trim() || null,
        payload_fields: asked.payload_fields,
        transform: asked.transform.trim() || null,
        body: asked.body,
        ...(asked.event ? { event_id: asked.event } : { event: SAMPLE }),
      }),
    placeholderData: keepPreviousData,
    enabled: !events.isLoading,
  })
  /** What is wrong with the text that stands there now; what is said of an older one isn't shown. */
  function faultOf(field: Expression) {
    const refused = form.errors[field]
    if (typeof refused === 'string') return { detail: refused }
    if (asked[field] !== form.values[field] || !asked[field].trim()) return undefined
    return data?.errors.find((each) => each.field === field)
  }
  return { latest, chosen, choose: setPicked, preview: data, problem: error, places: leavesOf(envelope ?? SAMPLE), faultOf }
}

export type ContentPreviewState = ReturnType<typeof useContentPreview>
