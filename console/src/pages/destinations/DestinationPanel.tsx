// One destination: what it is, what it got lately, and what may be done with it.
import { Alert, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { IconArrowLeft } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { sampleQuery } from '../../api/deliveries'
import { type Destination, destinationQuery } from '../../api/destinations'
import { statsQuery } from '../../api/health'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Later } from '../../ui/Later'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { ButtonLink } from '../../ui/links'
import { FlowChart } from '../../ui/charts'
import { useFormats } from '../../i18n/format'
import { DestinationActions } from './DestinationActions'
import { DestinationFacts } from './DestinationFacts'
import { DestinationState } from './DestinationState'
import { RecentDeliveries } from './RecentDeliveries'

const OrderingKeys = lazy(() => import('./OrderingKeys').then((loaded) => ({ default: loaded.OrderingKeys })))

export function DestinationPanel({ id }: { id: string }) {
  const { t } = useTranslation()
  const query = useQuery(destinationQuery(id))
  // What stands beside the panel must not be older than it.
  const queries = useQueryClient()
  useEffect(() => {
    void queries.refetchQueries({ queryKey: sampleQuery.queryKey, type: 'active', stale: true })
  }, [queries, id])
  return (
    <Paper
      component="section"
      id="destination-panel"
      p="md"
      aria-label={t('destination.panel', { name: query.data?.name ?? '' })}
    >
      <ButtonLink
        id="destination-panel-close"
        to={paths.destinations}
        search={{}}
        variant="subtle"
        size="compact-xs"
        mb="xs"
        leftSection={<IconArrowLeft size={14} aria-hidden />}
      >
        {t('destination.back')}
      </ButtonLink>
      {query.isPending && <Loading />}
      {query.error && <Notice id="destination-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && <Body destination={query.data} />}
    </Paper>
  )
}

function Body({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    heading.current?.focus()
  }, [destination.id])
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h1" ref={heading} tabIndex={-1} className="unringed">
          {destination.name}
        </Title>
        <DestinationState state={destination.state} breaker={destination.health.breaker} />
      </Group>
      <Held destination={destination} />
      {may('destination:update') && <DestinationActions destination={destination} />}
      {may('delivery:read') && <Stats id={destination.id} />}
      {destination.ordered && may('delivery:read') && (
        <Later when wait>
          <OrderingKeys destination={destination} />
        </Later>
      )}
      {may('delivery:read') && <RecentDeliveries destination={destination} />}
      <section aria-label={t('destination.settings')}>
        <Title order={3} mb={6}>
          {t('destination.settings')}
        </Title>
        <DestinationFacts destination={destination} />
      </section>
    </Stack>
  )
}

/** The last day in figures and a chart. */
function Stats({ id }: { id: string }) {
  const { t } = useTranslation()
  const { number, duration } = useFormats()
  const stats = useQuery(statsQuery(id, '24h')).data
  if (!stats || stats.attempts === 0) return null
  const figures = [
    t('destination.statsDelivered', { count: stats.delivered }),
    typeof stats.success_rate === 'number' && t('health.rate', { rate: number(stats.success_rate * 100) }),
    typeof stats.p95_ms === 'number' && t('destination.statsP95', { time: duration(stats.p95_ms) }),
    stats.retrying > 0 && t('destination.statsRetrying', { count: stats.retrying }),
    stats.parked > 0 && t('destination.statsParked', { count: stats.parked }),
  ]
  return (
    <section aria-label={t('destination.stats')}>
      <Text size="xs" c="dimmed" mb={4}>
        {t('destination.stats')}: {figures.filter(Boolean).join(' · ')}
      </Text>
      <FlowChart said={t('health.chart')} series={stats.series} window="24h" height={100} />
    </section>
  )
}

function Held({ destination: { state, held_reason, health } }: { destination: Destination }) {
  const { t } = useTranslation()
  const { whole } = useFormats()
  if (state === 'active' && health.breaker === 'closed') return null
  if (state === 'active') {
    return (
      <Alert role="note" color="red" py="xs">
        {health.failing_since && t('destination.failing', { time: whole(health.failing_since) })}{' '}
        {health.breaker === 'open' && health.next_probe_at
          ? t('destination.nextProbe', { time: whole(health.next_probe_at) })
          : t('destination.probing')}
      </Alert>
    )
  }
  return (
    <Alert role="note" color={state === 'paused' ? 'grape' : 'gray'} py="xs">
      {state === 'paused' ? t('destination.pausedNote') : t('destination.disabledNote')}
      {held_reason && ` ${t('destination.held', { reason: held_reason })}`}
    </Alert>
  )
}
