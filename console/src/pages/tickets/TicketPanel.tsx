import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { ticketQuery } from '../../api/tickets'
import { Facts, Ident } from '../../ui/Facts'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { SidePanel } from '../../ui/SidePanel'
import { Time } from '../../ui/Time'

export function TicketPanel({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const query = useQuery({ ...ticketQuery(id ?? ''), enabled: id !== undefined })
  const ticket = query.data
  return (
    <SidePanel
      id="ticket-panel"
      title={t('tickets.panel', { number: ticket?.ticket_number ?? '' })}
      opened={id !== undefined}
      onClose={onClose}
    >
      {query.isPending && <Loading />}
      {query.error && <Notice id="ticket-problem" error={query.error} onRetry={query.refetch} />}
      {ticket && (
        <Facts
          rows={[
            [t('tickets.name'), ticket.title],
            [
              t('tickets.description'),
              ticket.description && (
                <Text key="description" size="sm" style={{ whiteSpace: 'pre-wrap' }}>
                  {ticket.description}
                </Text>
              ),
            ],
            [t('tickets.status'), ticket.status_name],
            [t('tickets.priority'), ticket.priority_name],
            [t('tickets.client'), ticket.client_name],
            [t('tickets.board'), ticket.board_name],
            ...ticket.external_refs.map((ref): [string, React.ReactNode] => [
              ref.integration_type,
              <Ident key={ref.external_id} id={ref.external_id} name={ref.integration_type} scope="ticket" />,
            ]),
            [t('tickets.created'), <Time key="created" at={ticket.entered_at} />],
            [t('common.id'), <Ident key="id" id={ticket.id} name={t('common.id')} scope="ticket" />],
          ]}
        />
      )}
    </SidePanel>
  )
}
