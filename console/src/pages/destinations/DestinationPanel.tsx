// One destination: what it is, what it got lately, and what may be done with it.
import { Alert, Button, Group, Paper, Stack, Title } from '@mantine/core'
import { IconArrowLeft, IconPlayerPause, IconPlayerPlay, IconSend } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { sampleQuery } from '../../api/deliveries'
import { type Destination, destinationQuery, useSwitchDestination, useTestDestination } from '../../api/destinations'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { ButtonLink } from '../../ui/links'
import { tell, tellProblem } from '../../ui/notify'
import { DestinationFacts } from './DestinationFacts'
import { DestinationState } from './DestinationState'
import { RecentDeliveries } from './RecentDeliveries'

export function DestinationPanel({ id }: { id: string }) {
  const { t } = useTranslation()
  const query = useQuery(destinationQuery(id))
  // What stands beside the panel must not be older than it.
  const queries = useQueryClient()
  useEffect(() => {
    void queries.refetchQueries({ queryKey: sampleQuery.queryKey, type: 'active', stale: true })
  }, [queries, id])
  return (
    <Paper
      component="section"
      id="destination-panel"
      p="md"
      aria-label={t('destination.panel', { name: query.data?.name ?? '' })}
    >
      <ButtonLink
        id="destination-panel-close"
        to={paths.destinations}
        search={{}}
        variant="subtle"
        size="compact-xs"
        mb="xs"
        leftSection={<IconArrowLeft size={14} aria-hidden />}
      >
        {t('destination.back')}
      </ButtonLink>
      {query.isPending && <Loading />}
      {query.error && <Notice id="destination-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && <Body destination={query.data} />}
    </Paper>
  )
}

function Body({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    heading.current?.focus()
  }, [destination.id])
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h1" ref={heading} tabIndex={-1} className="unringed">
          {destination.name}
        </Title>
        <DestinationState state={destination.state} />
      </Group>
      <Held destination={destination} />
      {may('destination:update') && <Actions destination={destination} />}
      {may('delivery:read') && <RecentDeliveries destination={destination} />}
      <section aria-label={t('destination.settings')}>
        <Title order={3} mb={6}>
          {t('destination.settings')}
        </Title>
        <DestinationFacts destination={destination} />
      </section>
    </Stack>
  )
}

function Held({ destination: { state, held_reason } }: { destination: Destination }) {
  const { t } = useTranslation()
  if (state === 'active') return null
  return (
    <Alert role="note" color={state === 'paused' ? 'grape' : 'gray'} py="xs">
      {state === 'paused' ? t('destination.pausedNote') : t('destination.disabledNote')}
      {held_reason && ` ${t('destination.held', { reason: held_reason })}`}
    </Alert>
  )
}

function Actions({ destination: { id, name, state } }: { destination: Destination }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const test = useTestDestination(id)
  const change = useSwitchDestination(id)

  function sendTest() {
    test.mutate(undefined, {
      onSuccess: ({ delivery_id }) => {
        tell(t('destination.testDone'))
        void navigate({ to: paths.destinations, search: { destination: id, delivery: delivery_id } })
      },
      onError: tellProblem,
    })
  }
  function switchTo(to: 'pause' | 'resume') {
    const done = to === 'pause' ? t('destination.pauseDone', { name }) : t('destination.resumeDone', { name })
    change.mutate(to, { onSuccess: () => tell(done), onError: tellProblem })
  }

  return (
    <Group gap="xs">
      <Button id="destination-test" leftSection={<IconSend size={15} aria-hidden />} loading={test.isPending} onClick={sendTest}>
        {t('destination.test')}
      </Button>
      {state === 'active' && (
        <Button
          id="destination-pause"
          variant="default"
          leftSection={<IconPlayerPause size={15} aria-hidden />}
          loading={change.isPending}
          onClick={() => switchTo('pause')}
        >
          {t('destination.pause')}
        </Button>
      )}
      {state === 'paused' && (
        <Button
          id="destination-resume"
          variant="default"
          leftSection={<IconPlayerPlay size={15} aria-hidden />}
          loading={change.isPending}
          onClick={() => switchTo('resume')}
        >
          {t('destination.resume')}
        </Button>
      )}
    </Group>
  )
}
