// Where the time of an attempt went.
import type { Attempt } from '../../api/deliveries'

export const phases = ['dns', 'connect', 'tls', 'wait', 'rest'] as const
/** A shorter rest is rounding. */
const ROUNDING_US = 50
export type Phase = (typeof phases)[number]
export type Span = { phase: Phase; us: number }

/** The phases that took place, in order. A kept connection has no name, connect or TLS phase. */
export function phasesOf(timings: Attempt['timings']): Span[] {
  const { dns_us, connect_us, tls_us, first_byte_us, total_us } = timings
  const known: [Phase, number | null | undefined][] = [
    ['dns', dns_us],
    ['connect', connect_us],
    ['tls', tls_us],
    ['wait', first_byte_us],
  ]
  const spans = known.flatMap(([phase, us]) => (typeof us === 'number' ? [{ phase, us }] : []))
  const rest = (total_us ?? 0) - spans.reduce((sum, span) => sum + span.us, 0)
  return rest > ROUNDING_US ? [...spans, { phase: 'rest', us: rest }] : spans
}

/** Whether the request went over a connection that was open already. */
export const wasKept = (timings: Attempt['timings']) => typeof timings.first_byte_us === 'number' && timings.connect_us == null
