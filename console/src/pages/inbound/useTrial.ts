// What expressions are tried on: the captured request, one of the log, or a pasted body; and what they give, as one types.
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'

import { type InboundWebhook, inboundLogQuery, previewInbound, sampleQuery } from '../../api/inbound'
import { type DirectHandler, type RuleValues, handlerOf } from './ruleValues'

const TYPING_MS = 350
const OFFERED = 10
export const CAPTURED = 'captured'
export const PASTED = 'pasted'

type Ask = { body?: unknown; delivery_id?: string }
/** A request to try on, once there is one. */
export type Trial = {
  source: string
  setSource: (source: string) => void
  pasted: string
  setPasted: (text: string) => void
  ask: Ask | undefined
  document: unknown
  capturedAt: string | undefined
  deliveries: { id: string; received_at: string }[]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export function useTrial(webhook: InboundWebhook | undefined): Trial {
  const there = webhook !== undefined
  const id = webhook?.id ?? ''
  const sample = useQuery({ ...sampleQuery(id), enabled: there }).data
  const log = useInfiniteQuery({ ...inboundLogQuery(id, { auth_status: 'verified' }), enabled: there, refetchInterval: false })
  const deliveries = (log.data?.pages[0]?.data ?? []).filter((each) => each.request_body && !each.split_from).slice(0, OFFERED)
  const [chosen, setSource] = useState<string>()
  const [pasted, setPasted] = useState('')
  const [body] = useDebouncedValue(pasted, TYPING_MS)
  const capturedAt = sample?.captured_at ?? undefined
  const source = chosen ?? (capturedAt ? CAPTURED : (deliveries[0]?.id ?? PASTED))
  const logged = deliveries.find((each) => each.id === source)
  const document = useMemo(() => {
    if (source === CAPTURED) return sample?.document
    return parsed(source === PASTED ? body : (logged?.request_body ?? ''))
  }, [source, sample?.document, body, logged?.request_body])
  const ask = askOf(source, capturedAt, document)
  return { source, setSource, pasted, setPasted, ask, document, capturedAt, deliveries }
}

function askOf(source: string, capturedAt: string | undefined, document: unknown): Ask | undefined {
  if (source === CAPTURED) return capturedAt ? {} : undefined
  if (source === PASTED) return document === undefined ? undefined : { body: document }
  return { delivery_id: source }
}

/** What the rules, or one of them alone, would do with it; nothing is done. */
export function usePreview(webhook: InboundWebhook | undefined, trial: Trial, rules: RuleValues[], split: string) {
  const handler = handlerOf(rules)
  const [asked] = useDebouncedValue(JSON.stringify({ handler, split, ask: trial.ask }), TYPING_MS)
  const { data, error } = useQuery({
    queryKey: ['inbound', 'preview', webhook?.id, asked],
    queryFn: () => {
      const { handler, split, ask } = JSON.parse(asked) as { handler: DirectHandler; split: string; ask: Ask }
      return previewInbound(webhook?.id ?? '', { ...ask, handler_config: handler, split: split.trim() })
    },
    enabled: webhook !== undefined && trial.ask !== undefined && handler !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  })
  return { preview: data, problem: error }
}
