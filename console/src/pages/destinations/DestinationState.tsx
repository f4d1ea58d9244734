import { IconCircleCheck, IconPlayerPause, IconPlugConnectedX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { DestinationState as State } from '../../api/destinations'
import { Mark } from '../../ui/StateBadge'

const looks = {
  active: ['teal', IconCircleCheck],
  paused: ['grape', IconPlayerPause],
  disabled: ['gray', IconPlugConnectedX],
} as const

const isState = (text: string): text is State => text in looks

export function DestinationState({ state: given }: { state: string }) {
  const { t } = useTranslation()
  const state = isState(given) ? given : 'disabled'
  const [tone, icon] = looks[state]
  return (
    <Mark tone={tone} icon={icon}>
      {t(`destinations.state_${state}`)}
    </Mark>
  )
}
