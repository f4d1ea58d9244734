// A delivery's state: text and icon say it, colour only helps.
import { Badge } from '@mantine/core'
import {
  IconArchive,
  IconBan,
  IconCheck,
  IconClock,
  IconFilter,
  IconPlayerPause,
  IconQuestionMark,
  IconRefresh,
  IconSend,
  IconTrash,
  IconX,
  type Icon,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { type DeliveryState, isDeliveryState } from '../api/deliveries'

export type Tone = 'teal' | 'lake' | 'yellow' | 'red' | 'grape' | 'gray'

const looks: Record<DeliveryState, [Tone, Icon]> = {
  pending: ['lake', IconClock],
  delivering: ['lake', IconSend],
  delivered: ['teal', IconCheck],
  filtered: ['gray', IconFilter],
  retry_scheduled: ['yellow', IconRefresh],
  parked: ['grape', IconPlayerPause],
  dead_lettered: ['red', IconArchive],
  failed: ['red', IconX],
  discarded: ['gray', IconTrash],
  cancelled: ['gray', IconBan],
}

export function StateBadge({ state }: { state: string }) {
  const { t } = useTranslation()
  // A server that is newer than this page may know more states.
  if (!isDeliveryState(state)) {
    return (
      <Mark tone="gray" icon={IconQuestionMark}>
        {state}
      </Mark>
    )
  }
  const [tone, Symbol] = looks[state]
  return (
    <Mark tone={tone} icon={Symbol}>
      {t(`state.${state}.label`)}
    </Mark>
  )
}

export function Mark({ tone, icon: Symbol, children }: { tone: Tone; icon: Icon; children: string }) {
  return (
    <Badge color={tone} leftSection={<Symbol size={13} stroke={2.2} aria-hidden />}>
      {children}
    </Badge>
  )
}
