import type { Delivery } from '../../api/deliveries'

/** The last attempt in a few words: its status, and why it failed where it did. */
export function lastAnswer({ last_status, last_reason }: Pick<Delivery, 'last_status' | 'last_reason'>): string | undefined {
  const status = last_status ? String(last_status) : ''
  if (!last_reason) return status || undefined
  return !status || last_reason.includes(status) ? last_reason : `${status}: ${last_reason}`
}
