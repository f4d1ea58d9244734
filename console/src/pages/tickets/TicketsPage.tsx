import { Paper, Table } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { type Ticket, ticketsQuery } from '../../api/tickets'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { Time } from '../../ui/Time'
import { createTicketCurl } from '../../ui/curl'
import { domId } from '../../ui/domId'
import { useNarrow } from '../../ui/useNarrow'
import { TicketPanel } from './TicketPanel'

export function TicketsPage() {
  const { t } = useTranslation()
  const { ticket } = useSearch({ from: '/shell/tickets' })
  const navigate = useNavigate()
  const query = useInfiniteQuery(ticketsQuery)
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page
      title={t('tickets.title')}
      lead={t('tickets.lead')}
      tools={<Refresh id="tickets-refresh" of={[query]} kinds={['tickets']} />}
    >
      <Paper className="roomy">
        {query.isPending && <Loading />}
        {query.error && <Notice id="tickets-problem" error={query.error} onRetry={query.refetch} />}
        {query.data && rows.length === 0 && (
          <Empty id="create-ticket-curl" title={t('tickets.emptyTitle')} text={t('tickets.empty')} curl={createTicketCurl()} />
        )}
        {rows.length > 0 && (
          <>
            <TicketTable rows={rows} chosen={ticket} />
            <More id="tickets-more" of={query} count={rows.length} />
          </>
        )}
      </Paper>
      <TicketPanel id={ticket} onClose={() => navigate({ to: paths.tickets, search: {} })} />
    </Page>
  )
}

function TicketTable({ rows, chosen }: { rows: Ticket[]; chosen: string | undefined }) {
  const { t } = useTranslation()
  const narrow = useNarrow()
  return (
    <Table className="rows" aria-label={t('tickets.table')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('tickets.number')}</Table.Th>
          <Table.Th>{t('tickets.name')}</Table.Th>
          <Table.Th>{t('tickets.status')}</Table.Th>
          <Table.Th className="middling">{t('tickets.priority')}</Table.Th>
          <Table.Th className="middling">{t('tickets.client')}</Table.Th>
          <Table.Th className="wide">{t('tickets.board')}</Table.Th>
          <Table.Th className="middling">{t('tickets.created')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id} data-chosen={row.id === chosen || undefined}>
            <Table.Td>{row.ticket_number}</Table.Td>
            <Table.Td>
              <Link id={domId('open', row.id)} className="opener" to={paths.tickets} search={{ ticket: row.id }}>
                {row.title}
              </Link>
              {narrow && (
                <span className="narrow">
                  <Time at={row.entered_at} />
                  {row.client_name && `, ${row.client_name}`}
                </span>
              )}
            </Table.Td>
            <Table.Td>{row.status_name}</Table.Td>
            <Table.Td className="middling">{row.priority_name}</Table.Td>
            <Table.Td className="middling">{row.client_name}</Table.Td>
            <Table.Td className="wide">{row.board_name}</Table.Td>
            <Table.Td className="middling">
              <Time at={row.entered_at} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
