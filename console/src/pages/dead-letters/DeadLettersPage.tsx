// What failed for good or is on hold: why, and what lets it go on; one by one, or many by a job.
import { Button, Checkbox, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeadLetter, type DeadLetterFilter, deadLettersQuery } from '../../api/deadLetters'
import { destinationsQuery } from '../../api/destinations'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import type { Column } from '../../ui/Rows'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { examples } from '../../ui/examples'
import { useNarrow } from '../../ui/useNarrow'
import type { BulkKind } from './BulkDialog'

const BulkDialog = lazy(() => import('./BulkDialog').then((loaded) => ({ default: loaded.BulkDialog })))
const DeadLetterPanel = lazy(() => import('./DeadLetterPanel').then((loaded) => ({ default: loaded.DeadLetterPanel })))
const Jobs = lazy(() => import('./Jobs').then((loaded) => ({ default: loaded.Jobs })))

export type DeadLettersSearch = {
  state?: 'dead_lettered' | 'parked'
  destination?: string
  type?: string
  reason?: string
  letter?: string
}

const reasons = ['exhausted', 'terminal', 'refused'] as const

export function DeadLettersPage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const search: DeadLettersSearch = useSearch({ from: '/shell/dead-letters' })
  const navigate = useNavigate()
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [dialog, setDialog] = useState<BulkKind>()
  const filter = filterOf(search)
  const query = useInfiniteQuery(deadLettersQuery(filter))
  const go = (change: DeadLettersSearch) => void navigate({ to: paths.deadLetters, search: { ...search, ...change } })
  const acts = may('delivery:replay')
  const loaded = useMemo(() => query.data?.pages.flatMap((page) => page.data.map(({ id }) => id)) ?? [], [query.data])
  const columns = [...useChoosing(loaded, acts ? chosen : undefined, setChosen), ...useColumns(search)]
  return (
    <Page
      title={t('deadLetters.title')}
      lead={t('deadLetters.lead')}
      tools={<Refresh id="dead-letters-refresh" of={[query]} kinds={['dead-letters', 'jobs']} />}
    >
      <Filters search={search} onChange={go} />
      <Later when>
        <Jobs />
      </Later>
      {acts && (
        <Group gap="xs">
          <Button id="dead-letters-replay" onClick={() => setDialog('replay')}>
            {chosen.length > 0 ? t('deadLetters.replaySome', { count: chosen.length }) : t('deadLetters.replayAll')}
          </Button>
          {may('delivery:cancel') && (
            <Button id="dead-letters-discard" variant="default" onClick={() => setDialog('discard')}>
              {chosen.length > 0 ? t('deadLetters.discardSome', { count: chosen.length }) : t('deadLetters.discardAll')}
            </Button>
          )}
          {chosen.length > 0 && (
            <Button id="dead-letters-choose-none" variant="subtle" onClick={() => setChosen([])}>
              {t('deadLetters.chooseNone')}
            </Button>
          )}
        </Group>
      )}
      <Listing
        id="dead-letters"
        of={query}
        empty={<Empty id="dead-letters-empty" title={t('deadLetters.emptyTitle')} text={t('deadLetters.empty')} />}
        label={t('deadLetters.table')}
        columns={columns}
        rowId={({ id }) => id}
        isChosen={({ id }) => chosen.includes(id)}
      />
      {dialog && (
        <Later when>
          <BulkDialog
            kind={dialog}
            ids={chosen}
            filter={filter}
            onClose={() => setDialog(undefined)}
            onStarted={() => {
              setDialog(undefined)
              setChosen([])
            }}
          />
        </Later>
      )}
      <Later when={search.letter !== undefined}>
        <DeadLetterPanel id={search.letter} onClose={() => go({ letter: undefined })} />
      </Later>
    </Page>
  )
}

function filterOf({ state, destination, type, reason }: DeadLettersSearch): DeadLetterFilter {
  return {
    ...(state ? { state } : {}),
    ...(destination ? { destination_id: destination } : {}),
    ...(type ? { event_type: type } : {}),
    ...(reason ? { reason: reason as DeadLetterFilter['reason'] } : {}),
  }
}

function Filters({ search, onChange }: { search: DeadLettersSearch; onChange: (change: DeadLettersSearch) => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const destinations = useInfiniteQuery({ ...destinationsQuery, enabled: may('destination:read') })
  const known = destinations.data?.pages.flatMap((page) => page.data) ?? []
  const any = { value: '', label: t('deliveries.any') }
  const typed = useDebouncedCallback((type: string) => onChange({ type: type.trim() || undefined }), 400)
  return (
    <Group gap="sm" align="end">
      <NativeSelect
        id="dead-letters-filter-state"
        label={t('deliveries.filterState')}
        value={search.state ?? ''}
        onChange={(event) => onChange({ state: (event.currentTarget.value || undefined) as DeadLettersSearch['state'] })}
        data={[
          any,
          { value: 'dead_lettered', label: t('state.dead_lettered.label') },
          { value: 'parked', label: t('state.parked.label') },
        ]}
      />
      <NativeSelect
        id="dead-letters-filter-reason"
        label={t('deadLetters.reason')}
        value={search.reason ?? ''}
        onChange={(event) => onChange({ reason: event.currentTarget.value || undefined })}
        data={[any, ...reasons.map((value) => ({ value, label: t(`deadLetters.reason_${value}`) }))]}
      />
      <NativeSelect
        id="dead-letters-filter-destination"
        label={t('deliveries.filterDestination')}
        maw={240}
        value={search.destination ?? ''}
        onChange={(event) => onChange({ destination: event.currentTarget.value || undefined })}
        data={[any, ...known.map(({ id, name }) => ({ value: id, label: name }))]}
      />
      <TextInput
        id="dead-letters-filter-type"
        size="xs"
        label={t('events.type')}
        placeholder={examples.type}
        defaultValue={search.type}
        onChange={(event) => typed(event.currentTarget.value)}
      />
    </Group>
  )
}

/** The boxes by which letters are chosen, for whoever may do something with them. */
function useChoosing(
  loaded: readonly string[],
  chosen: readonly string[] | undefined,
  onChoose: (ids: readonly string[]) => void,
): Column<DeadLetter>[] {
  const { t } = useTranslation()
  if (!chosen) return []
  const all = loaded.length > 0 && chosen.length >= loaded.length
  return [
    {
      id: 'choose',
      width: 40,
      label: (
        <Checkbox
          id="dead-letters-choose-all"
          size="xs"
          aria-label={t('deadLetters.chooseAll')}
          checked={all}
          indeterminate={!all && chosen.length > 0}
          onChange={() => onChoose(all ? [] : loaded)}
        />
      ),
      cell: (row) => (
        <Checkbox
          id={domId('choose', row.id)}
          className="above"
          size="xs"
          aria-label={t('deadLetters.choose', { event: row.event_type })}
          checked={chosen.includes(row.id)}
          onChange={() => onChoose(chosen.includes(row.id) ? chosen.filter((id) => id !== row.id) : [...chosen, row.id])}
        />
      ),
    },
  ]
}

function useColumns(search: DeadLettersSearch): Column<DeadLetter>[] {
  const { t } = useTranslation()
  const narrow = useNarrow()
  return [
    {
      id: 'event',
      label: t('deliveries.event'),
      cell: (row) => (
        <>
          <Link id={domId('open', row.id)} className="opener" to={paths.deadLetters} search={{ ...search, letter: row.id }}>
            {row.event_type}
          </Link>
          {narrow && (
            <span className="narrow">
              <Time at={row.dead_at} />, {row.destination_name}
            </span>
          )}
        </>
      ),
    },
    {
      id: 'destination',
      label: t('deliveries.destination'),
      room: 'middling',
      cell: (row) => row.destination_name ?? t('deliveries.destinationGone'),
    },
    {
      id: 'state',
      label: t('deliveries.state'),
      width: 165,
      cell: (row) => (
        <Stack gap={2}>
          <StateBadge state={row.state} />
          {row.replayed_as && (
            <Text size="xs" c="dimmed">
              {t('deadLetters.replayed')}
            </Text>
          )}
        </Stack>
      ),
    },
    {
      id: 'why',
      label: t('deadLetters.why'),
      room: 'wide',
      width: '38%',
      cell: ({ explanation }) => (
        <Text size="sm" c="dimmed" lineClamp={2}>
          {explanation}
        </Text>
      ),
    },
    { id: 'since', label: t('deadLetters.since'), room: 'middling', width: 150, cell: ({ dead_at }) => <Time at={dead_at} /> },
  ]
}
