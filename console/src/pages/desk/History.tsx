// What happened to a record: who did it, what each field was before, and which received request led to it.
import { Stack, Table, Text, Timeline } from '@mantine/core'
import { IconCirclePlus, IconPencil, IconTrash } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type Given, type Happening, historyQuery } from '../../api/desk'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { Actor } from './Actor'
import { CauseLinks } from './Origin'
import { Value } from './Value'
import { type Noun, fieldOf } from './nouns'
import { isObject } from './recordValues'

const symbols = { created: IconCirclePlus, updated: IconPencil, deleted: IconTrash }
type What = keyof typeof symbols
const isWhat = (text: string): text is What => text in symbols

export function History({ noun, id }: { noun: Noun; id: string }) {
  const { t } = useTranslation()
  const query = useInfiniteQuery(historyQuery(id))
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Stack gap="sm">
      {query.isPending && <Loading />}
      {query.error && <Notice id="history-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('desk.history.empty')}
        </Text>
      )}
      {rows.length > 0 && (
        <Timeline bulletSize={22} lineWidth={2} active={-1}>
          {rows.map((row) => (
            <Step key={row.id} noun={noun} row={row} />
          ))}
        </Timeline>
      )}
      {query.hasNextPage && <More id="history-more" of={query} count={rows.length} />}
    </Stack>
  )
}

function Step({ noun, row }: { noun: Noun; row: Happening }) {
  const { t } = useTranslation()
  const Symbol = isWhat(row.what) ? symbols[row.what] : IconPencil
  return (
    <Timeline.Item bullet={<Symbol size={13} aria-hidden />} title={isWhat(row.what) ? t(`desk.history.${row.what}`) : row.what}>
      <Text size="xs" c="dimmed" component="div">
        <Time at={row.at} />, <Actor actor={row.actor} />
      </Text>
      {row.causation_id && (
        <Text size="xs" component="div" mt={2}>
          <CauseLinks cause={row.causation_id} scope={domId('history', row.id)} />
        </Text>
      )}
      <Changes noun={noun} row={row} />
    </Timeline.Item>
  )
}

function Changes({ noun, row }: { noun: Noun; row: Happening }) {
  const { t } = useTranslation()
  const changes = Object.entries(row.changes as Given)
  if (changes.length === 0) return null
  return (
    <Table className="rows changes" mt={6} aria-label={t(`desk.tabs.history`)} highlightOnHover={false}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('desk.history.field')}</Table.Th>
          <Table.Th>{t('desk.history.from')}</Table.Th>
          <Table.Th>{t('desk.history.to')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {changes.map(([name, change]) => (
          <Table.Tr key={name}>
            <Table.Td>{labelOf(noun, name, (known) => t(`desk.field.${known}`))}</Table.Td>
            <Table.Td>
              <Side noun={noun} name={name} value={isObject(change) ? change.previous : undefined} row={row} side="from" />
            </Table.Td>
            <Table.Td>
              <Side noun={noun} name={name} value={isObject(change) ? change.new : change} row={row} side="to" />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

type Label = (name: NonNullable<ReturnType<typeof fieldOf>>['name']) => string
function labelOf(noun: Noun, name: string, label: Label) {
  const field = fieldOf(noun, name)
  return field ? label(field.name) : name
}

type SideProps = { noun: Noun; name: string; value: unknown; row: Happening; side: string }

/** A whole object or list would drown the rest: it is told in one line. */
function Side({ noun, name, value, row, side }: SideProps) {
  const { t } = useTranslation()
  const field = fieldOf(noun, name)
  if (!field || field.kind === 'object' || field.kind === 'rows') {
    return <code className="mono">{value === null || value === undefined ? t('common.none') : JSON.stringify(value)}</code>
  }
  return <Value field={{ ...field, named: undefined }} record={{ [name]: value }} scope={domId(row.id, side)} />
}
