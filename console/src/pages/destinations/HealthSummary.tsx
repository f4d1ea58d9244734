// The ten-second answer: does everything arrive, and if not, what is in the way.
import { Group, Paper, Stack, Text, Title } from '@mantine/core'
import {
  IconAlertOctagon,
  IconCircleCheck,
  IconClockHour4,
  IconPlayerPause,
  IconRefresh,
  IconZzz,
  type Icon,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { type Delivery, type DeliveryState, SAMPLE, isDeliveryState } from '../../api/deliveries'
import type { Destination, DestinationState } from '../../api/destinations'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import type { Tone } from '../../ui/StateBadge'
import { type Group as GroupName, type Health, type Verdict, groups, healthOf } from './health'

const tones: Record<GroupName, Tone> = {
  delivered: 'teal',
  moving: 'lake',
  retrying: 'yellow',
  held: 'grape',
  lost: 'red',
  aside: 'gray',
}

/** The state that the list is filtered by when the tile of an empty group is followed. */
const filters: Record<GroupName, DeliveryState> = {
  delivered: 'delivered',
  moving: 'pending',
  retrying: 'retry_scheduled',
  held: 'parked',
  lost: 'dead_lettered',
  aside: 'filtered',
}

const verdicts: Record<Verdict, [Tone, Icon]> = {
  none: ['gray', IconZzz],
  ok: ['teal', IconCircleCheck],
  moving: ['lake', IconClockHour4],
  retrying: ['yellow', IconRefresh],
  held: ['grape', IconPlayerPause],
  lost: ['red', IconAlertOctagon],
}

const leadTo = (state: string | undefined) => (isDeliveryState(state) ? state : undefined)

export function HealthSummary({ deliveries, destinations }: { deliveries: Delivery[]; destinations: Destination[] }) {
  const { t } = useTranslation()
  const health = healthOf(deliveries)
  return (
    <Paper component="section" aria-label={t('health.title')} p="md">
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Headline health={health} />
          <DestinationCount destinations={destinations} />
        </Group>
        {health.total > 0 && <Shares health={health} />}
      </Stack>
    </Paper>
  )
}

function Headline({ health }: { health: Health }) {
  const { t } = useTranslation()
  const { short } = useFormats()
  const { verdict, total, counts, since } = health
  const [tone, Symbol] = verdicts[verdict]
  const said = {
    none: () => t('health.none'),
    ok: () => t('health.ok'),
    moving: () => t('health.moving'),
    retrying: () => t('health.retrying', { count: counts.retrying }),
    held: () => t('health.held', { count: counts.held }),
    lost: () => t('health.lost', { count: counts.lost }),
  }[verdict]()
  const sample =
    total < SAMPLE
      ? t('health.sampleAll', { count: total })
      : t('health.sampleLatest', { count: total, since: short(since ?? 0) })
  return (
    <Group gap="sm" wrap="nowrap">
      <Symbol size={30} stroke={1.8} color={`var(--mantine-color-${tone}-light-color)`} aria-hidden />
      <div>
        <Title order={2} size="h1">
          {said}
        </Title>
        {total > 0 && (
          <Text size="xs" c="dimmed">
            {sample}
          </Text>
        )}
      </div>
    </Group>
  )
}

function DestinationCount({ destinations }: { destinations: Destination[] }) {
  const { t } = useTranslation()
  const inState = (state: DestinationState) => destinations.filter((one) => one.state === state).length
  const [paused, disabled] = [inState('paused'), inState('disabled')]
  const rest = paused + disabled > 0 ? t('health.destinationsOff', { paused, disabled }) : t('health.destinationsOn')
  return (
    <Text size="sm" c="dimmed">
      {t('health.destinations')}: <strong>{destinations.length}</strong>,{' '}
      {destinations.length > 0 ? rest : t('health.destinationsNone')}
    </Text>
  )
}

function Shares({ health }: { health: Health }) {
  const { t } = useTranslation()
  const { number } = useFormats()
  return (
    <>
      <div className="share" aria-hidden>
        {groups.map(
          (group) =>
            health.counts[group] > 0 && (
              <span key={group} className={`tone-${tones[group]}`} style={{ flexGrow: health.counts[group] }} />
            ),
        )}
      </div>
      <div className="tiles">
        {groups.map((group) => {
          const label = t(`health.group.${group}`)
          const count = number(health.counts[group])
          return (
            <Link
              key={group}
              id={`health-${group}`}
              className="tile"
              data-zero={health.counts[group] === 0 || undefined}
              to={paths.deliveries}
              search={{ state: leadTo(health.mostly[group]) ?? filters[group] }}
              aria-label={t('health.show', { label, count })}
            >
              <strong>{count}</strong>
              <span>
                <i className={`swatch tone-${tones[group]}`} />
                {label}
              </span>
            </Link>
          )
        })}
      </div>
    </>
  )
}
