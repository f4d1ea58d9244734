import { Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../api/deliveries'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import type { Column } from '../../ui/Rows'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { useNarrow } from '../../ui/useNarrow'
import type { DeliveriesSearch } from './DeliveriesPage'
import { lastAnswer } from './lastAnswer'

export function useDeliveryColumns(search: DeliveriesSearch): Column<Delivery>[] {
  const { t } = useTranslation()
  const narrow = useNarrow()
  const { number } = useFormats()
  const destinationOf = (row: Delivery) => row.destination_name ?? t('deliveries.destinationGone')
  return [
    {
      id: 'event',
      label: t('deliveries.event'),
      cell: (row) => (
        <>
          <Link
            id={domId('open', row.id)}
            className="opener"
            to={paths.deliveries}
            search={{ ...search, delivery: row.id }}
            aria-label={t('deliveries.open', { event: row.event_type, destination: destinationOf(row) })}
          >
            {row.event_type}
          </Link>
          {narrow && (
            <span className="narrow">
              <Time at={row.created_at} />, {row.destination_name}
            </span>
          )}
        </>
      ),
    },
    { id: 'destination', label: t('deliveries.destination'), room: 'middling', cell: destinationOf },
    { id: 'state', label: t('deliveries.state'), width: 170, cell: ({ state }) => <StateBadge state={state} /> },
    {
      id: 'attempts',
      label: t('deliveries.attempts'),
      room: 'middling',
      width: 90,
      align: 'end',
      cell: ({ attempt_count }) => number(attempt_count),
    },
    {
      id: 'last',
      label: t('deliveries.last'),
      room: 'wide',
      width: '26%',
      cell: (row) => (
        <Text size="sm" c="dimmed" lineClamp={1}>
          {lastAnswer(row) ?? t('common.none')}
        </Text>
      ),
    },
    {
      id: 'created',
      label: t('deliveries.created'),
      room: 'middling',
      width: 150,
      cell: ({ created_at }) => <Time at={created_at} />,
    },
  ]
}
