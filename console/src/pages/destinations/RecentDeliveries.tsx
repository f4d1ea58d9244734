import { Group, Table, Text, Title } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { deliveriesQuery } from '../../api/deliveries'
import type { Destination } from '../../api/destinations'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { publishCurl } from '../../ui/curl'
import { domId } from '../../ui/domId'
import { AnchorLink } from '../../ui/links'
import { useStateMeaning } from '../../ui/useStateMeaning'
import { lastAnswer } from '../deliveries/lastAnswer'

/** As many are shown, and asked for. */
export const LATEST = 8

export function RecentDeliveries({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const means = useStateMeaning()
  const query = useInfiniteQuery(deliveriesQuery({ destination_id: destination.id }, LATEST))
  const rows = query.data?.pages[0]?.data
  return (
    <section aria-label={t('destination.deliveries')}>
      <Group justify="space-between" mb={4}>
        <Title order={3}>{t('destination.deliveries')}</Title>
        <AnchorLink id="destination-all-deliveries" size="sm" to={paths.deliveries} search={{ destination: destination.id }}>
          {t('destination.allDeliveries')}
        </AnchorLink>
      </Group>
      {query.isPending && <Loading rows={3} />}
      {query.error && <Notice id="destination-deliveries-problem" error={query.error} onRetry={query.refetch} />}
      {rows?.length === 0 && (
        <Empty
          id="publish-curl"
          text={may('destination:update') && !session.portal ? t('destination.noDeliveries') : t('destination.noDeliveriesReader')}
          curl={session.portal ? undefined : publishCurl()}
        />
      )}
      {rows && rows.length > 0 && (
        <Table className="rows" aria-label={t('destination.deliveries')} horizontalSpacing={6}>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.id}>
                <Table.Td>
                  <Link
                    id={domId('open', row.id)}
                    className="opener"
                    to={paths.destinations}
                    search={{ destination: destination.id, delivery: row.id }}
                  >
                    {row.event_type}
                  </Link>
                  <Text size="xs" c="dimmed" lineClamp={1}>
                    <Time at={row.created_at} />, {lastAnswer(row) ?? means(row.state)}
                  </Text>
                </Table.Td>
                <Table.Td ta="end">
                  <StateBadge state={row.state} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  )
}
