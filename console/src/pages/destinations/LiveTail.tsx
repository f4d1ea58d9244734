// What happens now, line by line.
import { Group, Paper, ScrollArea, Table, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { Feed, LiveItem } from '../../api/live'
import { paths } from '../../paths'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'

export function LiveTail({ feed }: { feed: Feed }) {
  const { t } = useTranslation()
  return (
    <Paper component="section" aria-labelledby="live-tail-title" className="roomy">
      <Group justify="space-between" px="sm" pt="sm">
        <Title order={2} id="live-tail-title">
          {t('live.title')}
        </Title>
        {feed.lagged && (
          <Text size="xs" c="dimmed">
            {t('live.lagged')}
          </Text>
        )}
      </Group>
      {feed.items.length === 0 ? (
        <Text size="sm" c="dimmed" p="sm">
          {feed.state === 'live' ? t('live.quiet') : t(`live.state.${feed.state}`, { time: '' })}
        </Text>
      ) : (
        <ScrollArea.Autosize mah={260} viewportProps={{ tabIndex: 0, role: 'group', 'aria-label': t('live.title') }}>
          <Table className="rows" aria-label={t('live.title')}>
            <Table.Tbody>
              {feed.items.map((line) => (
                <Table.Tr key={`${line.kind}-${line.id}`}>
                  <Table.Td className="whole">
                    <Time at={line.at} />
                  </Table.Td>
                  <Line line={line} />
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      )}
    </Paper>
  )
}

function Line({ line }: { line: LiveItem }) {
  const { t } = useTranslation()
  if (line.kind === 'published') {
    return (
      <>
        <Table.Td>
          <Link id={domId('live', line.id)} className="opener" to={paths.events} search={{ event: line.item.event_id }}>
            {line.item.event_type}
          </Link>
        </Table.Td>
        <Table.Td>{t('live.published')}</Table.Td>
      </>
    )
  }
  if (line.kind === 'inbound_delivery') {
    const { item } = line
    return (
      <>
        <Table.Td>
          {item.inbound_webhook_id ? (
            <Link
              id={domId('live', line.id)}
              className="opener"
              to={paths.inbound}
              search={{ webhook: item.inbound_webhook_id }}
            >
              {t('live.inbound')}
            </Link>
          ) : (
            t('live.inbound')
          )}
        </Table.Td>
        <Table.Td>{item.response_status ?? t('common.none')}</Table.Td>
      </>
    )
  }
  const { delivery, attempt } = line.item
  return (
    <>
      <Table.Td>
        <Link id={domId('live', line.id)} className="opener" to={paths.deliveries} search={{ delivery: delivery.id }}>
          {delivery.event_type}
        </Link>
        <Text size="xs" c="dimmed">
          {t('delivery.to', { destination: delivery.destination_name ?? t('deliveries.destinationGone') })}
          {attempt && `: ${attempt.reason}`}
        </Text>
      </Table.Td>
      <Table.Td>
        <StateBadge state={delivery.state} />
      </Table.Td>
    </>
  )
}
