import { Group, Table, Text } from '@mantine/core'
import { IconBan, IconCheck, IconClock, IconCopyCheck, IconX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { InboundDelivery } from '../../api/inbound'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import { Copy } from '../../ui/Copy'
import { Mark } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { AnchorLink } from '../../ui/links'
import { dispatchOf, outcomeOf } from './outcome'

const looks = {
  pending: ['lake', IconClock],
  dispatched: ['teal', IconCheck],
  duplicate: ['gray', IconCopyCheck],
  failed: ['red', IconX],
  rejected: ['yellow', IconBan],
} as const

export function InboundLogTable({ rows, onOpen }: { rows: InboundDelivery[]; onOpen: (id: string) => void }) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  return (
    <Table className="rows" aria-label={t('inboundLog.table')} highlightOnHover={false}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('inboundLog.received')}</Table.Th>
          <Table.Th>{t('inboundLog.result')}</Table.Th>
          <Table.Th>{t('inboundLog.outcome')}</Table.Th>
          <Table.Th className="middling">{t('inboundLog.status')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td>
              <button id={domId('open', row.id)} type="button" className="plain" onClick={() => onOpen(row.id)}>
                <Time at={row.received_at} />
              </button>
              <Text size="xs" c="dimmed">
                {row.request_method}
                {row.is_replay && `, ${t('inboundLog.replay')}`}
              </Text>
            </Table.Td>
            <Table.Td>
              <Result row={row} />
            </Table.Td>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>
              <OutcomeText row={row} />
              <Group gap={2} wrap="nowrap" className="middling">
                <code className="mono faint">{row.id}</code>
                <Copy id={domId('copy', row.id)} text={row.id} what={`${t('inboundLog.id')} ${row.id}`} />
              </Group>
            </Table.Td>
            <Table.Td className="middling">
              {row.response_status ?? t('common.none')}
              {typeof row.duration_ms === 'number' && (
                <Text size="xs" c="dimmed">
                  {duration(row.duration_ms)}
                </Text>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

export function Result({ row }: { row: InboundDelivery }) {
  const { t } = useTranslation()
  const result = dispatchOf(row)
  const [tone, icon] = looks[result]
  return (
    <Mark tone={tone} icon={icon}>
      {t(`inboundLog.dispatch.${result}`)}
    </Mark>
  )
}

const refusals = ['rejected_signature', 'rejected_bearer', 'rejected_ip', 'rejected_no_auth'] as const

export function OutcomeText({ row }: { row: InboundDelivery }) {
  const { t } = useTranslation()
  const refusal = refusals.find((status) => status === row.auth_status)
  if (refusal) return t(`inboundLog.authStatus.${refusal}`)
  const outcome = outcomeOf(row)
  switch (outcome.kind) {
    case 'duplicate':
      return t('inboundLog.duplicateOf', { id: outcome.of })
    case 'skipped':
      return t('inboundLog.skipped')
    case 'text':
      return outcome.text
    case 'none':
      return t('common.none')
    case 'done':
      return (
        <>
          {t('inboundLog.did', { entity: outcome.entity, result: outcome.result })}{' '}
          {outcome.entity === 'ticket' && (
            <AnchorLink
              id={domId('ticket-of', row.id)}
              size="sm"
              underline="always"
              to={paths.tickets}
              search={{ ticket: outcome.id }}
            >
              {t('inboundLog.openTicket')}
            </AnchorLink>
          )}
        </>
      )
  }
}
