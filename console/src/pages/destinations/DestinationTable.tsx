import { Table, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../api/deliveries'
import type { Destination } from '../../api/destinations'
import type { Health } from '../../api/health'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { Spark } from '../../ui/charts'
import { domId } from '../../ui/domId'
import { useNarrow } from '../../ui/useNarrow'
import { DestinationState } from './DestinationState'

type Lines = Health['destinations']
type Props = { rows: Destination[]; latest: Map<string, Delivery>; lines: Lines | undefined; chosen: string | undefined }

export function DestinationTable({ rows, latest, lines, chosen }: Props) {
  const { t } = useTranslation()
  const narrow = useNarrow()
  return (
    <Table className="rows" aria-label={t('destinations.table')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('destinations.name')}</Table.Th>
          <Table.Th className="middling">{t('destinations.endpoint')}</Table.Th>
          <Table.Th>{t('destinations.state')}</Table.Th>
          <Table.Th className="middling">{t('destinations.latest')}</Table.Th>
          <Table.Th className="middling">{t('destinations.flow')}</Table.Th>
          <Table.Th className="wide">{t('destinations.adapter')}</Table.Th>
          <Table.Th className="wide">{t('destinations.eventTypes')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id} data-chosen={row.id === chosen || undefined}>
            <Table.Td>
              <Link
                id={domId('open', row.id)}
                className="opener"
                to={paths.destinations}
                search={{ destination: row.id }}
                aria-current={row.id === chosen || undefined}
              >
                {row.name}
              </Link>
              {narrow && <code className="narrow mono">{row.endpoint}</code>}
            </Table.Td>
            <Table.Td className="middling mono">{row.endpoint}</Table.Td>
            <Table.Td>
              <DestinationState state={row.state} breaker={row.health.breaker} />
            </Table.Td>
            <Table.Td className="middling">
              <Latest delivery={latest.get(row.id)} />
            </Table.Td>
            <Table.Td className="middling">
              <Flow line={lines?.find((line) => line.destination_id === row.id)} name={row.name} />
            </Table.Td>
            <Table.Td className="wide">{row.adapter_type}</Table.Td>
            <Table.Td className="wide">
              <EventTypes types={row.event_types} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Latest({ delivery }: { delivery: Delivery | undefined }) {
  const { t } = useTranslation()
  if (!delivery) {
    return (
      <Text size="xs" c="dimmed">
        {t('destinations.latestNone')}
      </Text>
    )
  }
  return (
    <>
      <StateBadge state={delivery.state} />{' '}
      <Text span size="xs" c="dimmed">
        <Time at={delivery.created_at} />
      </Text>
    </>
  )
}

/** What it took, and what it did not, in the window of the summary. */
function Flow({ line, name }: { line: Lines[number] | undefined; name: string }) {
  const { t } = useTranslation()
  const { number } = useFormats()
  if (!line) return <span className="faint">{t('common.none')}</span>
  const sum = (figures: number[]) => figures.reduce((total, figure) => total + figure, 0)
  const [delivered, troubled] = [sum(line.delivered), sum(line.troubled)]
  const said = t('destinations.flowSaid', { name, delivered: number(delivered), troubled: number(troubled) })
  return (
    <div className="flow" title={said}>
      <Spark said={said} data={line.delivered} color="teal.7" width={84} height={20} />
      {troubled > 0 && <Spark said={t('destinations.flowTrouble', { count: troubled })} data={line.troubled} color="red.7" width={84} height={14} />}
    </div>
  )
}

export function EventTypes({ types }: { types: string[] }) {
  const { t } = useTranslation()
  return types.length === 1 && types[0] === '*' ? t('destinations.everyEvent') : <span className="mono">{types.join(', ')}</span>
}
