// One delivery, told from its state to its last attempt. Opened over the list that it was chosen in.
import { Alert, Button, Group, Stack, Text, Title } from '@mantine/core'
import { IconRefreshDot } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { type Delivery, attemptsQuery, deliveryQuery, isMoving, useCancel, useReplay } from '../../api/deliveries'
import { useSession } from '../../api/session'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { StateBadge } from '../../ui/StateBadge'
import { AnchorLink } from '../../ui/links'
import { tell, tellProblem } from '../../ui/notify'
import { useStateMeaning } from '../../ui/useStateMeaning'
import { AttemptTimeline } from './AttemptTimeline'
import { RequestBody } from './RequestBody'
import { DeliveryIds } from './DeliveryIds'

export function DeliveryPanel({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const query = useQuery({ ...deliveryQuery(id ?? ''), enabled: id !== undefined })
  const attempts = useQuery(attemptsQuery(id ?? '', query.data?.updated_at))
  return (
    <SidePanel
      id="delivery-panel"
      title={t('delivery.panel', { event: query.data?.event_type ?? '' })}
      opened={id !== undefined}
      onClose={onClose}
    >
      {query.isPending && <Loading />}
      {query.error && <Notice id="delivery-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && (
        <Stack gap="lg">
          <Group justify="space-between" gap="xs">
            <Group gap={8}>
              <StateBadge state={query.data.state} />
              <Text size="sm">
                {t('delivery.to', { destination: query.data.destination_name ?? t('deliveries.destinationGone') })}
              </Text>
            </Group>
            <Refresh id="delivery-refresh" of={[query, attempts]} kinds={['deliveries']} />
          </Group>
          <Meaning delivery={query.data} />
          <section aria-label={t('delivery.attempts')}>
            <Title order={3} mb="sm">
              {t('delivery.attempts')}
            </Title>
            {attempts.isPending && <Loading rows={2} />}
            {attempts.error && <Notice id="attempts-problem" error={attempts.error} onRetry={attempts.refetch} />}
            {attempts.data?.data.length === 0 && (
              <Text size="sm" c="dimmed">
                {t('delivery.noAttempts')}
              </Text>
            )}
            {attempts.data && <AttemptTimeline attempts={attempts.data.data} />}
          </section>
          <section aria-label={t('delivery.request')}>
            <Title order={3} mb={6}>
              {t('delivery.request')}
            </Title>
            <RequestBody delivery={query.data} />
          </section>
          <DeliveryIds delivery={query.data} />
        </Stack>
      )}
    </SidePanel>
  )
}

const known = [
  'destination_disabled',
  'destination_paused',
  'destination_unverified',
  'tenant_paused',
  'installation_paused',
  'secret_unavailable',
  'receiver_gone',
  'exhausted',
] as const
const isKnown = (reason: string): reason is (typeof known)[number] => (known as readonly string[]).includes(reason)

function Meaning({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation()
  const { whole } = useFormats()
  const means = useStateMeaning()
  const { state, parked_reason, next_attempt_at } = delivery
  const held =
    parked_reason && (isKnown(parked_reason) ? t(`parked.${parked_reason}`) : t('parked.other', { reason: parked_reason }))
  const lost = state === 'dead_lettered' || state === 'failed'
  const settled = !isMoving(state) && state !== 'retry_scheduled'
  return (
    <Alert role="note" color={lost ? 'red' : state === 'parked' ? 'grape' : 'gray'} py="xs">
      <Text size="sm">
        {means(state)} {state === 'parked' && held}
      </Text>
      {next_attempt_at && state === 'retry_scheduled' && (
        <Text size="sm">{t('delivery.nextAttempt', { time: whole(next_attempt_at) })}</Text>
      )}
      {isMoving(state) && (
        <Text size="xs" c="dimmed">
          {t('delivery.settling')}
        </Text>
      )}
      <Group gap="xs">
        {settled && delivery.destination_name && <ReplayButton id={delivery.id} />}
        {(state === 'retry_scheduled' || state === 'parked') && <CancelButton id={delivery.id} />}
        <Ways delivery={delivery} />
      </Group>
    </Alert>
  )
}

function ReplayButton({ id }: { id: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const navigate = useNavigate()
  const replay = useReplay(id)
  if (!may('delivery:replay')) return null
  function run() {
    replay.mutate(undefined, {
      onSuccess: ({ delivery_id }) => {
        tell(t('delivery.replayDone'))
        void navigate({ to: paths.deliveries, search: { delivery: delivery_id } })
      },
      onError: tellProblem,
    })
  }
  return (
    <Button
      id="delivery-replay"
      mt="xs"
      variant="default"
      leftSection={<IconRefreshDot size={15} aria-hidden />}
      loading={replay.isPending}
      onClick={run}
    >
      {t('delivery.replay')}
    </Button>
  )
}

/** Where else this delivery is told of. */
function Ways({ delivery: { id, event_id, state } }: { delivery: Delivery }) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  return (
    <Group gap="md" mt="xs">
      {may('event:read') && (
        <AnchorLink id="delivery-story" size="sm" underline="always" to={paths.events} search={{ event: event_id }}>
          {t('delivery.story')}
        </AnchorLink>
      )}
      {!session.portal && (state === 'dead_lettered' || state === 'parked') && (
        <AnchorLink id="delivery-explain" size="sm" underline="always" to={paths.deadLetters} search={{ letter: id }}>
          {t('delivery.explain')}
        </AnchorLink>
      )}
    </Group>
  )
}

function CancelButton({ id }: { id: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const cancel = useCancel(id)
  if (!may('delivery:cancel')) return null
  return (
    <Button
      id="delivery-cancel"
      mt="xs"
      variant="default"
      loading={cancel.isPending}
      onClick={() => cancel.mutate(undefined, { onSuccess: () => tell(t('delivery.cancelled')), onError: tellProblem })}
    >
      {t('delivery.cancel')}
    </Button>
  )
}
