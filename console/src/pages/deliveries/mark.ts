import type { Attempt } from '../../api/deliveries'

export type MarkName = 'accepted' | 'retryable' | 'terminal' | 'interrupted' | 'held' | 'filtered'

/** What an attempt means for its delivery: the outcomes are those of the API. */
export function markOf({ outcome, retryable }: Pick<Attempt, 'outcome' | 'retryable'>): MarkName {
  switch (outcome) {
    case 'accepted':
    case 'delivered':
      return 'accepted'
    case 'interrupted':
      return 'interrupted'
    case 'filtered':
      return 'filtered'
    case 'gone':
    case 'secret_unavailable':
      return 'held'
    default:
      return retryable ? 'retryable' : 'terminal'
  }
}
