import { IconCircleCheck, IconHeartBroken, IconPlayerPause, IconPlugConnectedX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { DestinationState as State } from '../../api/destinations'
import { Mark } from '../../ui/StateBadge'

const looks = {
  active: ['teal', IconCircleCheck],
  paused: ['grape', IconPlayerPause],
  disabled: ['gray', IconPlugConnectedX],
} as const

const isState = (text: string): text is State => text in looks

export function DestinationState({ state: given, breaker }: { state: string; breaker?: string }) {
  const { t } = useTranslation()
  // Enabled, but it only failed: nothing but a probe is sent.
  if (given === 'active' && (breaker === 'open' || breaker === 'half_open')) {
    return (
      <Mark tone="red" icon={IconHeartBroken}>
        {breaker === 'open' ? t('destinations.state_failing') : t('destinations.state_probing')}
      </Mark>
    )
  }
  const state = isState(given) ? given : 'disabled'
  const [tone, icon] = looks[state]
  return (
    <Mark tone={tone} icon={icon}>
      {t(`destinations.state_${state}`)}
    </Mark>
  )
}
