import type { Attempt } from '../../api/deliveries'

export type MarkName = 'accepted' | 'retryable' | 'terminal' | 'interrupted' | 'held' | 'filtered' | 'exhausted'

/** What an attempt means for its delivery: the outcomes are those of the API. */
export function markOf({ outcome, retryable }: Pick<Attempt, 'outcome' | 'retryable'>): MarkName {
  switch (outcome) {
    case 'accepted':
      return 'accepted'
    case 'interrupted':
      return 'interrupted'
    case 'filtered':
      return 'filtered'
    case 'gone':
    case 'secret_unavailable':
      return 'held'
    case 'exhausted':
      return 'exhausted'
    default:
      return retryable ? 'retryable' : 'terminal'
  }
}
