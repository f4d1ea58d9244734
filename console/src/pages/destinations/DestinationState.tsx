import { IconCircleCheck, IconPlayerPause, IconPlugConnectedX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { Destination } from '../../api/destinations'
import { Mark } from '../../ui/StateBadge'

const looks = {
  active: ['teal', IconCircleCheck],
  paused: ['grape', IconPlayerPause],
  disabled: ['gray', IconPlugConnectedX],
} as const

export function DestinationState({ state }: { state: Destination['state'] }) {
  const { t } = useTranslation()
  const [tone, icon] = looks[state]
  return (
    <Mark tone={tone} icon={icon}>
      {t(`destinations.state_${state}`)}
    </Mark>
  )
}
