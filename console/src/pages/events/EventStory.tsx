// One event: its story as a graph, what it carries, and the ids to follow it by.
import { Group, Skeleton, Stack, Text, Timeline, Title } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { Suspense, lazy } from 'react'
import { useTranslation } from 'react-i18next'

import type { Event } from '../../api/events'
import { Code, pretty } from '../../ui/Code'
import { Facts, Ident } from '../../ui/Facts'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { Time } from '../../ui/Time'
import { StoryCard } from './StoryCard'
import type { Story } from './story'
import { useStory } from './useStory'

const StoryGraph = lazy(() => import('./StoryGraph'))

export function EventStory({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const { event, deliveries, story } = useStory(id)
  return (
    <SidePanel
      id="event-panel"
      title={t('events.panel', { type: event.data?.event_type ?? '' })}
      opened={id !== undefined}
      onClose={onClose}
      size="min(1180px, 100%)"
    >
      {event.isPending && <Loading />}
      {event.error && <Notice id="event-problem" error={event.error} onRetry={event.refetch} />}
      {event.data && story && (
        <Stack gap="lg">
          <Group justify="end">
            <Refresh id="event-refresh" of={[event, deliveries]} kinds={['events', 'deliveries']} />
          </Group>
          <StoryView story={story} />
          <Payload event={event.data} />
          <Ids event={event.data} />
        </Stack>
      )}
    </SidePanel>
  )
}

function StoryView({ story }: { story: Story }) {
  const { t } = useTranslation()
  const wide = useMediaQuery('(min-width: 62em)', true, { getInitialValueInEffect: false })
  return (
    <section aria-label={t('story.title')}>
      <Title order={3} mb="xs">
        {t('story.title')}
      </Title>
      {wide ? (
        <Suspense fallback={<Skeleton height={200} />}>
          <StoryGraph story={story} label={t('story.title')} />
        </Suspense>
      ) : (
        <Timeline bulletSize={12} lineWidth={2} color="gray">
          {story.nodes.map((node) => (
            <Timeline.Item key={node.id}>
              <StoryCard node={node} />
            </Timeline.Item>
          ))}
        </Timeline>
      )}
    </section>
  )
}

function Payload({ event }: { event: Event }) {
  const { t } = useTranslation()
  const said = event.payload_purged ? t('events.purged') : event.redacted ? t('delivery.requestRedacted') : undefined
  return (
    <section aria-label={t('events.payload')}>
      <Title order={3} mb={6}>
        {t('events.payload')}
      </Title>
      {said ? (
        <Text size="sm" c="dimmed">
          {said}
        </Text>
      ) : (
        <Code id="event-payload" text={pretty(event.payload)} label={t('events.payload')} />
      )}
    </section>
  )
}

function Ids({ event }: { event: Event }) {
  const { t } = useTranslation()
  const ident = (name: string, id: string | null | undefined): [string, React.ReactNode] => [
    name,
    id ? <Ident key={name} id={id} name={name} scope="event" /> : undefined,
  ]
  return (
    <Facts
      rows={[
        ident(t('delivery.eventId'), event.id),
        ident(t('delivery.correlationId'), event.correlation_id),
        ident(t('events.causation'), event.causation_id),
        ident(t('events.group'), event.group_id),
        ...Object.entries(event.references).map(([name, value]) => ident(name, String(value))),
        [t('events.source'), event.source],
        [t('common.created'), <Time key="at" at={event.created_at} />],
      ]}
    />
  )
}
