// The outbound half: a destination, an event, its delivery; then trouble, and its end.
import { Button, Group, Stack, Switch, Text } from '@mantine/core'
import { IconRefreshDot, IconSend } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Delivery, deliveriesQuery, useReplay } from '../../api/deliveries'
import { useCreateDestination } from '../../api/destinations'
import { usePublish } from '../../api/events'
import { randomKey, useIntent } from '../../api/keys'
import { useBreak } from '../../api/testEndpoint'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import { StateBadge } from '../../ui/StateBadge'
import { AnchorLink, ButtonLink } from '../../ui/links'
import { tell, tellProblem } from '../../ui/notify'
import { Steps } from './Steps'
import { type Facts, IMPATIENT, type Step, tried } from './progress'

const WATCH_MS = 1000
const SAMPLE = { event_type: 'order.created', payload: { order: 'SO-1', amount: 4200, currency: 'EUR' } }

type Props = { facts: Facts; steps: [Step, boolean][]; broken: boolean }

export function Sending({ facts, steps, broken }: Props) {
  const { t } = useTranslation()
  const destination = tried(facts)
  const newest = facts.delivered[0]
  function action(step: Step, done: boolean) {
    if (step === 'destination' && !done) return <MakeDestination testEndpoint={facts.testEndpoint} />
    if (step === 'publish' && !done) return <Publish id="first-publish" label={t('firstSteps.publish.act')} />
    if (step === 'delivered' && newest) return <Arrived delivery={newest} />
    if (step === 'broken' && !destination) return <MakeDestination testEndpoint={facts.testEndpoint} />
    if (step === 'broken' && destination) return <Trouble destination={destination.id} broken={broken} />
    return null
  }
  return <Steps id="sending" title={t('firstSteps.sending')} steps={steps} action={action} />
}

function MakeDestination({ testEndpoint }: { testEndpoint: string | undefined }) {
  const { t } = useTranslation()
  const create = useCreateDestination()
  const intent = useIntent()
  if (!testEndpoint) {
    return (
      <Group>
        <ButtonLink id="first-destination" to={paths.destinations}>
          {t('firstSteps.destination.own')}
        </ButtonLink>
      </Group>
    )
  }
  function make(endpoint_url: string) {
    const body = { name: t('firstSteps.destination.name'), endpoint_url, event_types: ['*'], policy: IMPATIENT }
    create.mutate({ ...body, key: intent.keyFor(body) }, { onSuccess: () => intent.done(), onError: tellProblem })
  }
  return (
    <Group gap="xs">
      <Button id="first-destination" loading={create.isPending} onClick={() => make(testEndpoint)}>
        {t('firstSteps.destination.act')}
      </Button>
      <code className="mono">{testEndpoint}</code>
    </Group>
  )
}

function Publish({ id, label }: { id: string; label: string }) {
  const { t } = useTranslation()
  const publish = usePublish()
  const send = () =>
    publish.mutate(
      { ...SAMPLE, key: randomKey() },
      { onSuccess: () => tell(t('firstSteps.publish.done')), onError: tellProblem },
    )
  return (
    <Group>
      <Button id={id} leftSection={<IconSend size={15} aria-hidden />} loading={publish.isPending} onClick={send}>
        {label}
      </Button>
    </Group>
  )
}

function Arrived({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation()
  return (
    <AnchorLink id="first-delivery" size="sm" underline="always" to={paths.deliveries} search={{ delivery: delivery.id }}>
      {t('firstSteps.delivered.look', { event: delivery.event_type })}
    </AnchorLink>
  )
}

/** The switch that breaks the test endpoint, and what becomes of what is sent to it. */
function Trouble({ destination, broken }: { destination: string; broken: boolean }) {
  const { t } = useTranslation()
  const turn = useBreak()
  const query = useInfiniteQuery({ ...deliveriesQuery({ destination_id: destination }, 5), refetchInterval: WATCH_MS })
  const rows = query.data?.pages.flatMap(({ data }) => data) ?? []
  const watched = rows.find(({ state }) => state !== 'delivered') ?? rows[0]
  const lost = watched?.state === 'dead_lettered' ? watched : undefined
  return (
    <Stack gap="xs">
      <Group gap="md">
        <Switch
          id="break-endpoint"
          label={t('firstSteps.broken.switch')}
          checked={broken}
          disabled={turn.isPending}
          onChange={(event) => turn.mutate(event.currentTarget.checked, { onError: tellProblem })}
        />
        <Publish id="publish-to-broken" label={t('firstSteps.publish.again')} />
      </Group>
      {watched && <Watched delivery={watched} />}
      {lost && <Recover delivery={lost} broken={broken} />}
    </Stack>
  )
}

function Watched({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation()
  const { state, attempt_count, next_attempt_at, event_type, last_reason } = delivery
  const left = useSecondsUntil(state === 'retry_scheduled' ? next_attempt_at : undefined)
  return (
    <Group gap="xs" id="watched-delivery" role="status">
      <StateBadge state={state} />
      <Text size="sm">
        <span className="mono">{event_type}</span>, {t('firstSteps.broken.attempts', { count: attempt_count })}
        {last_reason && state !== 'delivered' && `: ${last_reason}`}
      </Text>
      {left !== undefined && (
        <Text size="sm" fw={600} id="countdown" aria-live="off">
          {t('firstSteps.broken.countdown', { time: left })}
        </Text>
      )}
    </Group>
  )
}

function Recover({ delivery, broken }: { delivery: Delivery; broken: boolean }) {
  const { t } = useTranslation()
  const turn = useBreak()
  const replay = useReplay(delivery.id)
  async function run() {
    try {
      if (broken) await turn.mutateAsync(false)
      await replay.mutateAsync()
      tell(t('delivery.replayDone'))
    } catch (error) {
      tellProblem(error)
    }
  }
  return (
    <Group>
      <Button
        id="mend-and-replay"
        variant="default"
        leftSection={<IconRefreshDot size={15} aria-hidden />}
        loading={turn.isPending || replay.isPending}
        onClick={() => void run()}
      >
        {t('firstSteps.recovered.act')}
      </Button>
    </Group>
  )
}

/** As the language writes seconds; nothing once they are over. */
function useSecondsUntil(moment: string | null | undefined): string | undefined {
  const { duration } = useFormats()
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!moment) return
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [moment])
  if (!moment) return undefined
  return duration(Math.max(0, Math.ceil((new Date(moment).getTime() - now) / 1000)) * 1000)
}
