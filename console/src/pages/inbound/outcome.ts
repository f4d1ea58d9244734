// What became of a received request. The outcome is the handler's own JSON, so it is read with care.
import type { InboundDelivery } from '../../api/inbound'

export type Outcome =
  | { kind: 'done'; entity: string; result: string; id: string }
  | { kind: 'skipped' }
  | { kind: 'duplicate'; of: string }
  | { kind: 'text'; text: string }
  | { kind: 'none' }

type Loose = Record<string, unknown>
const text = (value: unknown) => (typeof value === 'string' ? value : '')

export function outcomeOf({ handler_outcome, error }: Pick<InboundDelivery, 'handler_outcome' | 'error'>): Outcome {
  if (error) return { kind: 'text', text: error }
  if (typeof handler_outcome !== 'object' || handler_outcome === null) {
    const plain = text(handler_outcome)
    return plain ? { kind: 'text', text: plain } : { kind: 'none' }
  }
  const outcome = handler_outcome as Loose
  if (outcome.skipped === true || outcome.outcome === 'skipped') return { kind: 'skipped' }
  if (text(outcome.duplicate_of)) return { kind: 'duplicate', of: text(outcome.duplicate_of) }
  if (text(outcome.reason)) return { kind: 'text', text: text(outcome.reason) }
  const [entity, id] = [text(outcome.entity_type), text(outcome.entity_id)]
  if (entity && id) return { kind: 'done', entity, id, result: text(outcome.result) }
  return Object.keys(outcome).length > 0 ? { kind: 'text', text: JSON.stringify(outcome) } : { kind: 'none' }
}

type DispatchName = 'pending' | 'dispatched' | 'duplicate' | 'failed' | 'rejected'
const dispatches: readonly string[] = ['pending', 'dispatched', 'duplicate', 'failed']

/** One word for what happened: a request that was not let in was never dispatched. */
export function dispatchOf({
  auth_status,
  dispatch_status,
}: Pick<InboundDelivery, 'auth_status' | 'dispatch_status'>): DispatchName {
  if (auth_status !== 'verified') return 'rejected'
  return dispatches.includes(dispatch_status) ? (dispatch_status as DispatchName) : 'pending'
}
