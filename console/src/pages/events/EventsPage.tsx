// Facts that were published: found by type, id, correlation, time or what they hold.
import { Button, Group, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconSearch } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import { type Event, type EventFilter, eventsQuery } from '../../api/events'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { MomentInput } from '../../ui/MomentInput'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import type { Column } from '../../ui/Rows'
import { Time } from '../../ui/Time'
import { publishCurl } from '../../ui/curl'
import { domId } from '../../ui/domId'
import { examples } from '../../ui/examples'
import { useNarrow } from '../../ui/useNarrow'

const EventStory = lazy(() => import('./EventStory').then((loaded) => ({ default: loaded.EventStory })))

export type EventsSearch = { type?: string; correlation?: string; text?: string; from?: string; to?: string; event?: string }

export function EventsPage() {
  const { t } = useTranslation()
  const search: EventsSearch = useSearch({ from: '/shell/events' })
  const navigate = useNavigate()
  const { event, ...asked } = search
  const query = useInfiniteQuery(eventsQuery(filterOf(asked)))
  const go = (next: EventsSearch) => void navigate({ to: paths.events, search: next })
  const filtered = Object.values(asked).some(Boolean)
  const columns = useColumns(search)
  return (
    <Page
      title={t('events.title')}
      lead={t('events.lead')}
      tools={<Refresh id="events-refresh" of={[query]} kinds={['events', 'deliveries']} />}
    >
      <Filters key={JSON.stringify(asked)} search={asked} onSearch={go} />
      <Listing
        id="events"
        of={query}
        empty={
          filtered ? (
            <Empty id="events-filtered" title={t('events.emptyFilterTitle')} text={t('deliveries.emptyFilter')} />
          ) : (
            <Empty id="publish-curl" title={t('events.emptyTitle')} text={t('events.empty')} curl={publishCurl()} />
          )
        }
        label={t('events.title')}
        columns={columns}
        rowId={({ id }) => id}
        isChosen={({ id }) => id === event}
      />
      <Later when={event !== undefined}>
        <EventStory id={event} onClose={() => go({ ...asked })} />
      </Later>
    </Page>
  )
}

function filterOf({ type, correlation, text, from, to }: EventsSearch): EventFilter {
  return {
    ...(type ? { event_type: type } : {}),
    ...(correlation ? { correlation_id: correlation } : {}),
    ...(text ? { text } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  }
}

/** An id leads straight to its event; everything else narrows the list. */
function Filters({ search, onSearch }: { search: EventsSearch; onSearch: (search: EventsSearch) => void }) {
  const { t } = useTranslation()
  const { session } = useSession()
  const form = useForm({
    initialValues: { id: '', type: search.type ?? '', correlation: search.correlation ?? '', text: search.text ?? '' },
    validate: { id: (value) => (!value.trim() || value.trim().startsWith('evt_') ? null : t('events.badId')) },
  })
  const moments = useForm<{ from?: string; to?: string }>({ initialValues: { from: search.from, to: search.to } })
  const submit = form.onSubmit(({ id, type, correlation, text }) =>
    onSearch({
      ...(type.trim() ? { type: type.trim() } : {}),
      ...(correlation.trim() ? { correlation: correlation.trim() } : {}),
      ...(text.trim() ? { text: text.trim() } : {}),
      ...(moments.values.from ? { from: moments.values.from } : {}),
      ...(moments.values.to ? { to: moments.values.to } : {}),
      ...(id.trim() ? { event: id.trim() } : {}),
    }),
  )
  return (
    <form id="events-search" onSubmit={submit} noValidate>
      <Group gap="sm" align="end">
        <TextInput
          id="events-filter-type"
          size="xs"
          label={t('events.type')}
          placeholder={examples.type}
          {...form.getInputProps('type')}
        />
        <TextInput
          id="events-filter-id"
          size="xs"
          label={t('delivery.eventId')}
          placeholder={examples.eventId}
          {...form.getInputProps('id')}
        />
        <TextInput
          id="events-filter-correlation"
          size="xs"
          label={t('delivery.correlationId')}
          {...form.getInputProps('correlation')}
        />
        {!session.redacted && (
          <TextInput id="events-filter-text" size="xs" label={t('events.text')} {...form.getInputProps('text')} />
        )}
        <MomentInput
          id="events-filter-from"
          label={t('common.from')}
          value={search.from}
          onChange={(from) => moments.setFieldValue('from', from)}
        />
        <MomentInput
          id="events-filter-to"
          label={t('common.to')}
          value={search.to}
          onChange={(to) => moments.setFieldValue('to', to)}
        />
        <Button id="events-search-submit" type="submit" leftSection={<IconSearch size={14} aria-hidden />}>
          {t('common.search')}
        </Button>
        {Object.values(search).some(Boolean) && (
          <Button id="events-search-clear" variant="subtle" onClick={() => onSearch({})}>
            {t('deliveries.clear')}
          </Button>
        )}
      </Group>
    </form>
  )
}

function useColumns(search: EventsSearch): Column<Event>[] {
  const { t } = useTranslation()
  const narrow = useNarrow()
  return [
    {
      id: 'type',
      label: t('events.type'),
      cell: (row) => (
        <>
          <Link id={domId('open', row.id)} className="opener" to={paths.events} search={{ ...search, event: row.id }}>
            {row.event_type}
          </Link>
          {narrow && row.correlation_id && <code className="narrow mono">{row.correlation_id}</code>}
        </>
      ),
    },
    {
      id: 'payload',
      label: t('events.payload'),
      room: 'wide',
      width: '34%',
      cell: ({ payload }) => (
        <Text size="xs" c="dimmed" lineClamp={1} className="mono">
          {payload === undefined || payload === null ? t('common.none') : JSON.stringify(payload)}
        </Text>
      ),
    },
    {
      id: 'correlation',
      label: t('delivery.correlationId'),
      room: 'middling',
      mono: true,
      cell: ({ correlation_id }) => correlation_id ?? t('common.none'),
    },
    { id: 'source', label: t('events.source'), room: 'middling', width: 90, cell: ({ source }) => source },
    { id: 'created', label: t('common.created'), width: narrow ? 96 : 150, cell: ({ created_at }) => <Time at={created_at} /> },
  ]
}
