// Watching what happens: whether it is live, and since when. It never pretends.
import { Badge, Group, Switch } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { Feed, LiveState } from '../../api/live'
import { useFormats } from '../../i18n/format'
import type { Tone } from '../../ui/StateBadge'

const tones: Record<LiveState, Tone> = { off: 'gray', connecting: 'lake', live: 'teal', broken: 'yellow', ended: 'red' }

export function LiveSwitch({ feed, on, onChange }: { feed: Feed; on: boolean; onChange: (on: boolean) => void }) {
  const { t } = useTranslation()
  const { clock } = useFormats()
  return (
    <Group gap={8} wrap="nowrap">
      <Switch
        id="live-switch"
        size="sm"
        label={t('live.switch')}
        checked={on}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <Badge id="live-state" color={tones[feed.state]} role="status">
        {t(`live.state.${feed.state}`, { time: feed.since ? clock(feed.since) : '' })}
      </Badge>
    </Group>
  )
}
