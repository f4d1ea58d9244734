// An ordered destination's lines: which key waits, for which delivery, and how it goes on.
import { Button, Group, Table, Text, Title } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { Destination } from '../../api/destinations'
import { type HeadAct, type OrderingKey, orderingKeysQuery, useHeadAct } from '../../api/ordering'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Confirm } from '../../ui/Confirm'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { StateBadge } from '../../ui/StateBadge'
import { domId } from '../../ui/domId'
import { tell, tellProblem } from '../../ui/notify'

export function OrderingKeys({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const query = useInfiniteQuery(orderingKeysQuery(destination.id))
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <section aria-label={t('ordering.title')}>
      <Title order={3}>{t('ordering.title')}</Title>
      <Text size="xs" c="dimmed" mb={6}>
        {t('ordering.lead')}
      </Text>
      {query.isPending && <Loading rows={2} />}
      {query.error && <Notice id="ordering-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('ordering.none')}
        </Text>
      )}
      {rows.length > 0 && (
        <>
          <Table className="rows" aria-label={t('ordering.title')} horizontalSpacing={6} highlightOnHover={false}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('ordering.key')}</Table.Th>
                <Table.Th>{t('ordering.head')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row) => (
                <Row key={row.head.id} row={row} destination={destination} />
              ))}
            </Table.Tbody>
          </Table>
          <More id="ordering-more" of={query} count={rows.length} />
        </>
      )}
    </section>
  )
}

function Row({ row: { ordering_key, depth, head }, destination }: { row: OrderingKey; destination: Destination }) {
  const { t } = useTranslation()
  const name = ordering_key ?? t('ordering.noKey')
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        {ordering_key ? <code className="mono">{ordering_key}</code> : <Text size="sm">{name}</Text>}
        <Text size="xs" c="dimmed">
          {t('ordering.depth', { count: depth })}
        </Text>
      </Table.Td>
      <Table.Td>
        <Group gap={8} mb={6}>
          <Link
            id={domId('head', head.id)}
            to={paths.destinations}
            search={{ destination: destination.id, delivery: head.id }}
          >
            {head.event_type}
          </Link>
          <StateBadge state={head.state} />
        </Group>
        <Acts id={head.id} name={name} />
      </Table.Td>
    </Table.Tr>
  )
}

function Acts({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const run = useHeadAct()
  const [asked, setAsked] = useState<'skip' | 'dead-letter'>()
  const act = (what: HeadAct) =>
    run.mutate({ id, act: what }, { onSuccess: () => tell(t(`ordering.${what}Done`)), onError: tellProblem, onSettled: () => setAsked(undefined) })
  const busy = (what: HeadAct) => run.isPending && run.variables.act === what
  return (
    <Group gap={6}>
      {may('delivery:replay') && (
        <Button id={domId('retry', id)} variant="default" size="compact-sm" loading={busy('retry')} onClick={() => act('retry')}>
          {t('ordering.retry')}
        </Button>
      )}
      {may('delivery:cancel') && (
        <>
          <Button id={domId('skip', id)} variant="default" size="compact-sm" onClick={() => setAsked('skip')}>
            {t('ordering.skip')}
          </Button>
          <Button id={domId('set-aside', id)} variant="default" size="compact-sm" onClick={() => setAsked('dead-letter')}>
            {t('ordering.dead-letter')}
          </Button>
        </>
      )}
      <Confirm
        id={domId('head-act', id)}
        opened={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={t('ordering.ask', { key: name })}
        text={asked === 'skip' ? t('ordering.skipLead') : t('ordering.dead-letterLead')}
        act={asked === 'skip' ? t('ordering.skip') : t('ordering.dead-letter')}
        danger={asked === 'skip'}
        busy={run.isPending}
        onAct={() => asked && act(asked)}
      />
    </Group>
  )
}
