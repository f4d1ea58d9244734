// The records of one noun: found by the filters that the noun offers, each opened over the list.
import { Button, Group } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, type NounKey, isNounKey, recordsQuery } from '../../api/desk'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import type { Column } from '../../ui/Rows'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { useNarrow } from '../../ui/useNarrow'
import { NotFoundPage } from '../NotFoundPage'
import { Value, isEmpty } from './Value'
import { type Field, type Noun, fieldOf, titleOf } from './nouns'
import { filterOf } from './place'
import type { DeskSearch } from './search'
import { nouns } from './setup'

const DeskFilters = lazy(() => import('./DeskFilters').then((loaded) => ({ default: loaded.DeskFilters })))
const RecordPanel = lazy(() => import('./RecordPanel').then((loaded) => ({ default: loaded.RecordPanel })))
const NewRecord = lazy(() => import('./RecordPanel').then((loaded) => ({ default: loaded.NewRecord })))

export function DeskPage() {
  const { noun } = useParams({ from: '/shell/desk/$noun' })
  return isNounKey(noun) ? <Records key={noun} noun={nouns[noun]} /> : <NotFoundPage />
}

function Records({ noun }: { noun: Noun }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const search: DeskSearch = useSearch({ from: '/shell/desk/$noun' })
  const navigate = useNavigate()
  const filter = filterOf(noun, search)
  const query = useInfiniteQuery(recordsQuery(noun.key, filter))
  const columns = useColumns(noun, search)
  const go = (next: DeskSearch) => void navigate({ to: paths.desk, params: { noun: noun.key }, search: next })
  const many = t(`desk.noun.${noun.key}.many`)
  const writes = may('desk:write')
  return (
    <Page
      title={many}
      lead={t(`desk.noun.${noun.key}.lead`)}
      tools={
        <Group gap="sm">
          <Refresh id="records-refresh" of={[query]} kinds={['desk']} />
          {writes && (
            <Button
              id="record-new"
              leftSection={<IconPlus size={15} aria-hidden />}
              onClick={() => go({ ...filter, making: 'yes' })}
            >
              {t('desk.new')}
            </Button>
          )}
        </Group>
      }
    >
      <Later when>
        <DeskFilters key={noun.key} noun={noun} filter={filter} onChange={go} />
      </Later>
      <Listing
        id="records"
        of={query}
        label={many}
        columns={columns}
        rowId={({ id }) => id}
        isChosen={({ id }) => id === search.record}
        empty={
          Object.keys(filter).length > 0 ? (
            <Empty id="records-filtered" title={t('desk.emptyFilterTitle')} text={t('deliveries.emptyFilter')} />
          ) : (
            <Empty id="records-empty" title={t('desk.emptyTitle', { noun: many })} text={t('desk.empty')} />
          )
        }
      />
      <Later when={search.record !== undefined}>
        <RecordPanel
          noun={noun}
          id={search.record}
          tab={search.tab}
          onTab={(tab) => go({ ...filter, record: search.record, tab })}
          onClose={() => go(filter)}
        />
      </Later>
      <Later when={search.making !== undefined}>
        <NewRecord
          noun={noun}
          preset={filter}
          opened={search.making !== undefined && writes}
          onDone={(made) => go(made ? { ...filter, record: made } : filter)}
        />
      </Later>
    </Page>
  )
}

/** The fields that a list shows, the title first and the record's beginning last. */
function useColumns(noun: Noun, search: DeskSearch): Column<DeskRecord>[] {
  const { t } = useTranslation()
  const narrow = useNarrow()
  const shown = noun.fields.filter(({ room, name }) => room && !noun.title.includes(name))
  const lead = shown.find(({ kind }) => kind === 'reference')
  return [
    {
      id: 'title',
      label: t(`desk.field.${noun.title[0] ?? 'name'}`),
      cell: (record) => (
        <>
          <Link
            id={domId('open', record.id)}
            className="opener"
            to={paths.desk}
            params={{ noun: noun.key }}
            search={{ ...search, record: record.id }}
          >
            <Title noun={noun} record={record} />
          </Link>
          {narrow && lead && lead.room !== 'always' && !isEmpty(record[lead.name]) && (
            <span className="narrow">
              <Value field={lead} record={record} scope={domId('narrow', record.id)} plain />
            </span>
          )}
        </>
      ),
    },
    ...shown.map((field): Column<DeskRecord> => column(field, t(`desk.field.${field.name}`), noun.key)),
    {
      id: 'made',
      label: t('desk.createdAt'),
      room: 'middling',
      width: 140,
      cell: (record) => <Time at={String(record[noun.created])} />,
    },
  ]
}

function column(field: Field, label: string, noun: NounKey): Column<DeskRecord> {
  const amount = field.kind === 'money' || field.kind === 'minutes' || field.kind === 'hours'
  return {
    id: field.name,
    label,
    ...(field.room && field.room !== 'always' ? { room: field.room } : {}),
    ...widthOf(field),
    ...(amount ? { align: 'end' as const } : {}),
    cell: (record) => <Value field={field} record={record} scope={domId(noun, record.id)} plain />,
  }
}

/** Names of other records leave the most room to the record's own. */
function widthOf({ width, kind, room }: Field): { width?: number } {
  if (width) return { width }
  return room !== 'always' && (kind === 'reference' || kind === 'user') ? { width: 165 } : {}
}

function Title({ noun, record }: { noun: Noun; record: DeskRecord }) {
  const [first] = noun.title
  const field = first && fieldOf(noun, first)
  if (field && (field.kind === 'moment' || field.kind === 'day')) return <Value field={field} record={record} scope="title" plain />
  return titleOf(noun, record)
}
