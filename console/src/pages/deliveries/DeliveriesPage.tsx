import { Button, Group, NativeSelect } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeliveryState, deliveriesQuery, deliveryStates } from '../../api/deliveries'
import { destinationsQuery } from '../../api/destinations'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { publishCurl } from '../../ui/curl'
import { useDeliveryColumns } from './deliveryColumns'

const DeliveryPanel = lazy(() => import('./DeliveryPanel').then((loaded) => ({ default: loaded.DeliveryPanel })))

export type DeliveriesSearch = { state?: DeliveryState; destination?: string; delivery?: string }

export function DeliveriesPage() {
  const { t } = useTranslation()
  const { session } = useSession()
  const search: DeliveriesSearch = useSearch({ from: '/shell/deliveries' })
  const navigate = useNavigate()
  const { state, destination, delivery } = search
  const query = useInfiniteQuery(deliveriesQuery({ state, destination_id: destination }))
  const columns = useDeliveryColumns(search)
  const filtered = state !== undefined || destination !== undefined
  const go = (change: DeliveriesSearch) => void navigate({ to: paths.deliveries, search: { ...search, ...change } })
  return (
    <Page
      title={t('deliveries.title')}
      lead={t('deliveries.lead')}
      tools={<Refresh id="deliveries-refresh" of={[query]} kinds={['deliveries']} />}
    >
      <Filters search={search} onChange={go} />
      <Listing
        id="deliveries"
        of={query}
        empty={
          filtered ? (
            <Empty id="deliveries-filtered" title={t('deliveries.emptyFilterTitle')} text={t('deliveries.emptyFilter')} />
          ) : (
            <Empty id="publish-curl" title={t('deliveries.emptyTitle')} text={session.portal ? t('portal.noDeliveries') : t('deliveries.empty')} curl={session.portal ? undefined : publishCurl()} />
          )
        }
        label={t('deliveries.table')}
        columns={columns}
        rowId={({ id }) => id}
        isChosen={({ id }) => id === delivery}
      />
      <Later when={delivery !== undefined}>
        <DeliveryPanel id={delivery} onClose={() => go({ delivery: undefined })} />
      </Later>
    </Page>
  )
}

function Filters({ search, onChange }: { search: DeliveriesSearch; onChange: (change: DeliveriesSearch) => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const destinations = useInfiniteQuery({ ...destinationsQuery, enabled: may('destination:read') })
  const known = destinations.data?.pages.flatMap((page) => page.data) ?? []
  const any = { value: '', label: t('deliveries.any') }
  // A destination that is not on the first page, or gone, still names itself.
  const strange =
    search.destination && !known.some(({ id }) => id === search.destination)
      ? [{ value: search.destination, label: search.destination }]
      : []
  return (
    <Group gap="sm" align="end">
      <NativeSelect
        id="deliveries-filter-state"
        label={t('deliveries.filterState')}
        value={search.state ?? ''}
        onChange={(event) => onChange({ state: (event.currentTarget.value || undefined) as DeliveryState | undefined })}
        data={[any, ...deliveryStates.map((state) => ({ value: state, label: t(`state.${state}.label`) }))]}
      />
      <NativeSelect
        id="deliveries-filter-destination"
        label={t('deliveries.filterDestination')}
        value={search.destination ?? ''}
        onChange={(event) => onChange({ destination: event.currentTarget.value || undefined })}
        data={[any, ...known.map(({ id, name }) => ({ value: id, label: name })), ...strange]}
        maw={280}
      />
      {(search.state || search.destination) && (
        <Button
          id="deliveries-filter-clear"
          variant="subtle"
          onClick={() => onChange({ state: undefined, destination: undefined })}
        >
          {t('deliveries.clear')}
        </Button>
      )}
    </Group>
  )
}
