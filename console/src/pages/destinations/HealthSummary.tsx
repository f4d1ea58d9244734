// The ten-second answer: does everything arrive, and if not, what is in the way.
import { Alert, Button, Group, Paper, SegmentedControl, Stack, Text, Title } from '@mantine/core'
import {
  IconAlertOctagon,
  IconCircleCheck,
  IconClockHour4,
  IconHandStop,
  IconPlayerPause,
  IconRefresh,
  IconZzz,
  type Icon,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { DeliveryState } from '../../api/deliveries'
import { type Health, type Window, isWindow, useSending, windows } from '../../api/health'
import { useSession } from '../../api/session'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import type { Tone } from '../../ui/StateBadge'
import { FlowChart, Spark } from '../../ui/charts'
import { tell, tellProblem } from '../../ui/notify'
import { type Verdict, verdictOf } from './health'

const verdicts: Record<Verdict, [Tone, Icon]> = {
  none: ['gray', IconZzz],
  ok: ['teal', IconCircleCheck],
  moving: ['lake', IconClockHour4],
  retrying: ['yellow', IconRefresh],
  held: ['grape', IconPlayerPause],
  lost: ['red', IconAlertOctagon],
  stopped: ['grape', IconHandStop],
}

type Props = { health: Health; window: Window; onWindow: (window: Window) => void }

export function HealthSummary({ health, window, onWindow }: Props) {
  const { t } = useTranslation()
  return (
    <Paper component="section" aria-label={t('health.title')} p="md" className="roomy">
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Headline health={health} />
          <SegmentedControl
            id="health-window"
            name="health-window"
            aria-label={t('health.window')}
            size="xs"
            value={window}
            onChange={(value) => isWindow(value) && onWindow(value)}
            data={windows.map((value) => ({ value, label: t(`health.window_${value}`) }))}
          />
        </Group>
        {health.sending_paused && <Stopped />}
        <Tiles health={health} />
        {health.attempts > 0 && <FlowChart said={t('health.chart')} series={health.series} window={health.window} />}
      </Stack>
    </Paper>
  )
}

function Headline({ health }: { health: Health }) {
  const { t } = useTranslation()
  const { number, duration } = useFormats()
  const { verdict, count } = verdictOf(health)
  const [tone, Symbol] = verdicts[verdict]
  const rate = typeof health.success_rate === 'number' ? t('health.rate', { rate: number(health.success_rate * 100) }) : ''
  const oldest =
    typeof health.oldest_due_age_seconds === 'number' && health.oldest_due_age_seconds > 5
      ? t('health.oldest', { age: duration(health.oldest_due_age_seconds * 1000) })
      : ''
  return (
    <Group gap="sm" wrap="nowrap">
      <Symbol size={30} stroke={1.8} color={`var(--mantine-color-${tone}-light-color)`} aria-hidden />
      <div>
        <Title order={2} size="h1">
          {t(`health.verdict.${verdict}`, { count })}
        </Title>
        <Text size="xs" c="dimmed">
          {[
            t('health.active', { count: health.active_destinations }),
            health.held_destinations > 0 && t('health.heldDestinations', { count: health.held_destinations }),
            rate,
            oldest,
          ]
            .filter(Boolean)
            .join(' · ')}
        </Text>
      </div>
    </Group>
  )
}

/** Sending is stopped for everybody: whoever may start it again finds how at once. */
function Stopped() {
  const { t } = useTranslation()
  const { may } = useSession()
  const sending = useSending()
  const resume = () =>
    sending.mutate('resume', { onSuccess: () => tell(t('health.resumed')), onError: tellProblem })
  return (
    <Alert role="note" color="grape" py="xs">
      <Group justify="space-between">
        <Text size="sm">{t('health.stoppedNote')}</Text>
        {may('destination:update') && (
          <Button id="sending-resume" loading={sending.isPending} onClick={resume}>
            {t('health.resume')}
          </Button>
        )}
      </Group>
    </Alert>
  )
}

type Tile = {
  key: 'destinations' | 'delivered' | 'retrying' | 'parked' | 'deadLettered' | 'p95'
  value: string
  zero: boolean
  tone: Tone
  color: string
  spark?: number[]
  state?: DeliveryState
}

function Tiles({ health }: { health: Health }) {
  const { number, duration } = useFormats()
  const of = (figure: 'delivered' | 'retries' | 'dead_lettered') => health.series.map((bucket) => bucket[figure])
  const tiles: Tile[] = [
    {
      key: 'destinations',
      value: number(health.active_destinations),
      zero: health.active_destinations === 0,
      tone: 'lake',
      color: 'lake.5',
    },
    {
      key: 'delivered',
      value: number(health.delivered),
      zero: health.delivered === 0,
      tone: 'teal',
      color: 'teal.7',
      spark: of('delivered'),
      state: 'delivered',
    },
    {
      key: 'retrying',
      value: number(health.retrying),
      zero: health.retrying === 0,
      tone: 'yellow',
      color: 'yellow.6',
      spark: of('retries'),
      state: 'retry_scheduled',
    },
    { key: 'parked', value: number(health.parked), zero: health.parked === 0, tone: 'grape', color: 'grape.5', state: 'parked' },
    {
      key: 'deadLettered',
      value: number(health.dead_lettered),
      zero: health.dead_lettered === 0,
      tone: 'red',
      color: 'red.7',
      spark: of('dead_lettered'),
      state: 'dead_lettered',
    },
    {
      key: 'p95',
      value: typeof health.p95_ms === 'number' ? duration(health.p95_ms) : '–',
      zero: typeof health.p95_ms !== 'number',
      tone: 'lake',
      color: 'lake.5',
      spark: health.series.map((bucket) => bucket.p95_ms ?? 0),
    },
  ]
  return (
    <div className="tiles">
      {tiles.map((tile) => (
        <TileBox key={tile.key} tile={tile} />
      ))}
    </div>
  )
}

function TileBox({ tile: { key, value, zero, tone, color, spark, state } }: { tile: Tile }) {
  const { t } = useTranslation()
  const label = t(`health.tile.${key}`)
  const inner = (
    <>
      <strong>{value}</strong>
      <span>
        <i className={`swatch tone-${tone}`} />
        {label}
      </span>
      {spark && spark.some((each) => each > 0) && <Spark said={t('health.spark', { what: label })} data={spark} color={color} />}
    </>
  )
  const id = `health-${key.toLowerCase().replace('dead', 'dead-')}`
  if (!state) {
    return (
      <div className="tile" id={id} data-zero={zero || undefined}>
        {inner}
      </div>
    )
  }
  return (
    <Link
      id={id}
      className="tile"
      data-zero={zero || undefined}
      to={paths.deliveries}
      search={{ state }}
      aria-label={t('health.show', { label, count: value })}
    >
      {inner}
    </Link>
  )
}
