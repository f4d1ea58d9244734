// The workbench of the outbound side: whether things flow, where to, and the chosen destination.
import { Paper } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { sampleQuery } from '../../api/deliveries'
import { destinationsQuery } from '../../api/destinations'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { createDestinationCurl } from '../../ui/curl'
import { DeliveryPanel } from '../deliveries/DeliveryPanel'
import { CreateDestination } from './CreateDestination'
import { DestinationPanel } from './DestinationPanel'
import { DestinationTable } from './DestinationTable'
import { HealthSummary } from './HealthSummary'
import { latestByDestination } from './health'

export function DestinationsPage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const { destination: chosen, delivery } = useSearch({ from: '/shell/integrations' })
  const navigate = useNavigate()
  const destinations = useInfiniteQuery(destinationsQuery)
  const sample = useQuery({ ...sampleQuery, enabled: may('delivery:read') })
  const rows = destinations.data?.pages.flatMap((page) => page.data) ?? []
  const deliveries = sample.data?.data ?? []
  const marked = chosen ? true : undefined
  return (
    <Page
      title={t('destinations.title')}
      lead={t('destinations.lead')}
      tools={<Refresh id="destinations-refresh" of={[destinations, sample]} kinds={['destinations', 'deliveries']} />}
    >
      {sample.data && destinations.data && (
        <div className="only-unchosen" data-chosen={marked}>
          <HealthSummary deliveries={deliveries} destinations={rows} />
        </div>
      )}
      {sample.error && <Notice id="health-problem" error={sample.error} onRetry={sample.refetch} />}
      <div className="split" data-chosen={marked}>
        <div className="split-list">
          {may('destination:create') && <CreateDestination />}
          <Paper className="roomy">
            {destinations.isPending && <Loading />}
            {destinations.error && <Notice id="destinations-problem" error={destinations.error} onRetry={destinations.refetch} />}
            {destinations.data && rows.length === 0 && (
              <Empty
                id="create-destination-curl"
                title={t('destinations.emptyTitle')}
                text={may('destination:create') ? t('destinations.emptyAdmin') : t('destinations.emptyReader')}
                curl={createDestinationCurl()}
              />
            )}
            {rows.length > 0 && (
              <>
                <DestinationTable rows={rows} latest={latestByDestination(deliveries)} chosen={chosen} />
                <More id="destinations-more" of={destinations} count={rows.length} />
              </>
            )}
          </Paper>
        </div>
        {chosen && <DestinationPanel key={chosen} id={chosen} />}
      </div>
      <DeliveryPanel id={delivery} onClose={() => navigate({ to: paths.destinations, search: { destination: chosen } })} />
    </Page>
  )
}
