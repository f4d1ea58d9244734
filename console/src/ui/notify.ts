// Short messages in the corner, for actions that have no place of their own to answer at.
import i18next from 'i18next'
import { useSyncExternalStore } from 'react'

import { Problem } from '../api/problem'

let shown = 0

function show(color: string, message: string, title?: string) {
  shown += 1
  const closing = { id: `notice-${shown}-dismiss`, 'aria-label': i18next.t('common.dismiss') }
  const notice = { title, message, color, autoClose: title ? 12_000 : 5000, closeButtonProps: closing }
  // The corner and its library come when there is something to say for the first time.
  needed = true
  listeners.forEach((hear) => hear())
  void import('@mantine/notifications').then(({ notifications }) => notifications.show(notice))
}

let needed = false
const listeners = new Set<() => void>()

/** Whether anything was ever said: then there has to be a corner for it. */
export function useSpoken() {
  return useSyncExternalStore(
    (hear) => {
      listeners.add(hear)
      return () => void listeners.delete(hear)
    },
    () => needed,
  )
}

export const tell = (message: string) => show('teal', message)
export const warn = (message: string) => show('yellow', message)

export function tellProblem(error: unknown) {
  const reached = error instanceof Problem && error.status > 0
  const detail = (reached ? error.detail : i18next.t('problem.offline')) ?? ''
  const id = reached && error.requestId ? ` (${i18next.t('common.requestId')} ${error.requestId})` : ''
  show('red', detail + id, i18next.t('problem.title'))
}
