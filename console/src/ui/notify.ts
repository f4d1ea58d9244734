// Short messages in the corner, for actions that have no place of their own to answer at.
import { notifications } from '@mantine/notifications'
import i18next from 'i18next'

import { Problem } from '../api/problem'

let shown = 0

function show(color: string, message: string, title?: string) {
  shown += 1
  const closing = { id: `notice-${shown}-dismiss`, 'aria-label': i18next.t('common.dismiss') }
  notifications.show({ title, message, color, autoClose: title ? 12_000 : 5000, closeButtonProps: closing })
}

export const tell = (message: string) => show('teal', message)
export const warn = (message: string) => show('yellow', message)

export function tellProblem(error: unknown) {
  const reached = error instanceof Problem && error.status > 0
  const detail = (reached ? error.detail : i18next.t('problem.offline')) ?? ''
  const id = reached && error.requestId ? ` (${i18next.t('common.requestId')} ${error.requestId})` : ''
  show('red', detail + id, i18next.t('problem.title'))
}
