import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { sampleQuery as latestQuery } from '../../api/deliveries'
import { destinationsQuery } from '../../api/destinations'
import { useSession } from '../../api/session'
import { Empty } from '../../ui/Empty'
import { Listing } from '../../ui/Listing'
import { createDestinationCurl } from '../../ui/curl'
import { CreateDestination } from '../destinations/CreateDestination'
import { DestinationTable } from '../destinations/DestinationTable'
import { latestByDestination } from '../destinations/health'

/** The outbound side as a setting: each row leads to the workbench. */
export function OutboundTab() {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useInfiniteQuery(destinationsQuery)
  const latest = useQuery({ ...latestQuery, enabled: may('delivery:read') }).data?.data ?? []
  return (
    <div className="page">
      {may('destination:create') && <CreateDestination />}
      <Listing
        id="outbound"
        of={query}
        empty={<Empty id="create-destination-curl" title={t('destinations.emptyTitle')} text={t('destinations.emptyAdmin')} curl={createDestinationCurl()} />}
      >
        {(rows) => <DestinationTable rows={rows} latest={latestByDestination(latest)} lines={undefined} chosen={undefined} />}
      </Listing>
    </div>
  )
}
