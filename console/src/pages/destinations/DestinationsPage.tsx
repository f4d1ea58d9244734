// The workbench of the outbound side: whether things flow, where to, and the chosen destination.
import { Group, Paper } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { sampleQuery } from '../../api/deliveries'
import { destinationsQuery } from '../../api/destinations'
import { type Window, healthQuery } from '../../api/health'
import { useLive } from '../../api/live'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { createDestinationCurl } from '../../ui/curl'
import { DestinationFilters } from './DestinationFilters'
import { DestinationTable } from './DestinationTable'
import { HealthSummary } from './HealthSummary'
import { LiveSwitch } from './LiveSwitch'
import { type Filter, latestByDestination, shows } from './health'

const CreateDestination = lazy(() => import('./CreateDestination').then((loaded) => ({ default: loaded.CreateDestination })))
const DeliveryPanel = lazy(() => import('../deliveries/DeliveryPanel').then((loaded) => ({ default: loaded.DeliveryPanel })))
const DestinationPanel = lazy(() => import('./DestinationPanel').then((loaded) => ({ default: loaded.DestinationPanel })))
const LiveTail = lazy(() => import('./LiveTail').then((loaded) => ({ default: loaded.LiveTail })))

const WATCHED = ['destinations', 'deliveries', 'health', 'dead-letters'] as const

export function DestinationsPage() {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const { destination: chosen, delivery } = useSearch({ from: '/shell/integrations' })
  const navigate = useNavigate()
  const [window, setWindow] = useState<Window>('1h')
  const [filter, setFilter] = useState<Filter>('all')
  const [watching, setWatching] = useState(false)
  const reads = may('delivery:read')
  const feed = useLive(watching && reads, WATCHED)
  const destinations = useInfiniteQuery(destinationsQuery)
  const sample = useQuery({ ...sampleQuery, enabled: reads })
  const health = useQuery({ ...healthQuery(window), enabled: reads })
  const rows = destinations.data?.pages.flatMap((page) => page.data) ?? []
  const latest = latestByDestination(sample.data?.data ?? [])
  const shown = rows.filter((row) => shows(filter, row, latest))
  const marked = chosen ? true : undefined
  return (
    <Page
      title={session.portal ? t('portal.destinations') : t('destinations.title')}
      lead={session.portal ? t('portal.destinationsLead') : t('destinations.lead')}
      tools={
        <Group gap="md">
          {reads && !session.portal && <LiveSwitch feed={feed} on={watching} onChange={setWatching} />}
          <Refresh id="destinations-refresh" of={[destinations, sample]} kinds={['destinations', 'deliveries', 'health']} />
        </Group>
      }
    >
      {health.data && (
        <div className="only-unchosen" data-chosen={marked}>
          <HealthSummary health={health.data} window={window} onWindow={setWindow} />
        </div>
      )}
      {health.error && <Notice id="health-problem" error={health.error} onRetry={health.refetch} />}
      {watching && (
        <Later when wait>
          <LiveTail feed={feed} />
        </Later>
      )}
      <div className="split" data-chosen={marked}>
        <div className="split-list">
          <Later when={may('destination:create')} wait>
            <CreateDestination />
          </Later>
          <Paper className="roomy">
            {destinations.isPending && <Loading />}
            {destinations.error && <Notice id="destinations-problem" error={destinations.error} onRetry={destinations.refetch} />}
            {destinations.data && rows.length === 0 && (
              <Empty
                id="create-destination-curl"
                title={t('destinations.emptyTitle')}
                text={may('destination:create') ? t('destinations.emptyAdmin') : t('destinations.emptyReader')}
                curl={session.portal ? undefined : createDestinationCurl()}
              />
            )}
            {rows.length > 0 && (
              <>
                <DestinationFilters rows={rows} latest={latest} chosen={filter} onChange={setFilter} />
                {shown.length === 0 && <Empty id="destinations-filtered" text={t('destinations.emptyFilter')} />}
                {shown.length > 0 && (
                  <DestinationTable rows={shown} latest={latest} lines={health.data?.destinations} chosen={chosen} />
                )}
                <More id="destinations-more" of={destinations} count={rows.length} />
              </>
            )}
          </Paper>
        </div>
        {chosen && (
          <Later when wait>
            <DestinationPanel key={chosen} id={chosen} />
          </Later>
        )}
      </div>
      <Later when={delivery !== undefined}>
        <DeliveryPanel id={delivery} onClose={() => navigate({ to: paths.destinations, search: { destination: chosen } })} />
      </Later>
    </Page>
  )
}
