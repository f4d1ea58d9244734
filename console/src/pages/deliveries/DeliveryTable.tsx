import { Table, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../api/deliveries'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { useNarrow } from '../../ui/useNarrow'
import type { DeliveriesSearch } from './DeliveriesPage'
import { lastAnswer } from './lastAnswer'

export function DeliveryTable({ rows, search }: { rows: Delivery[]; search: DeliveriesSearch }) {
  const { t } = useTranslation()
  const narrow = useNarrow()
  const { number } = useFormats()
  return (
    <Table className="rows" aria-label={t('deliveries.table')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('deliveries.event')}</Table.Th>
          <Table.Th className="middling">{t('deliveries.destination')}</Table.Th>
          <Table.Th>{t('deliveries.state')}</Table.Th>
          <Table.Th className="middling" ta="end">
            {t('deliveries.attempts')}
          </Table.Th>
          <Table.Th className="wide">{t('deliveries.last')}</Table.Th>
          <Table.Th className="middling">{t('deliveries.created')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id} data-chosen={row.id === search.delivery || undefined}>
            <Table.Td>
              <Link
                id={domId('open', row.id)}
                className="opener"
                to={paths.deliveries}
                search={{ ...search, delivery: row.id }}
                aria-label={t('deliveries.open', {
                  event: row.event_type,
                  destination: row.destination_name ?? t('deliveries.destinationGone'),
                })}
              >
                {row.event_type}
              </Link>
              {narrow && (
                <span className="narrow">
                  <Time at={row.created_at} />, {row.destination_name}
                </span>
              )}
            </Table.Td>
            <Table.Td className="middling">{row.destination_name ?? t('deliveries.destinationGone')}</Table.Td>
            <Table.Td>
              <StateBadge state={row.state} />
            </Table.Td>
            <Table.Td className="middling" ta="end">
              {number(row.attempt_count)}
            </Table.Td>
            <Table.Td className="wide">
              <Text size="sm" c="dimmed" lineClamp={1}>
                {lastAnswer(row) ?? t('common.none')}
              </Text>
            </Table.Td>
            <Table.Td className="middling">
              <Time at={row.created_at} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
