// One dead letter with all that helps to decide: why, the last try, what was sent; then replay or discard.
import { Alert, Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Inspected, deadLetterQuery } from '../../api/deadLetters'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Code, pretty } from '../../ui/Code'
import { Facts, Ident } from '../../ui/Facts'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { SidePanel } from '../../ui/SidePanel'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { AnchorLink } from '../../ui/links'
import { AttemptTimeline } from '../deliveries/AttemptTimeline'
import { BulkDialog, type BulkKind } from './BulkDialog'

export function DeadLetterPanel({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const query = useQuery({ ...deadLetterQuery(id ?? ''), enabled: id !== undefined })
  return (
    <SidePanel
      id="dead-letter-panel"
      title={t('deadLetters.panel', { event: query.data?.event_type ?? '' })}
      opened={id !== undefined}
      onClose={onClose}
    >
      {query.isPending && <Loading />}
      {query.error && <Notice id="dead-letter-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && <Letter letter={query.data} onClose={onClose} />}
    </SidePanel>
  )
}

function Letter({ letter, onClose }: { letter: Inspected; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Stack gap="lg">
      <Group gap={8}>
        <StateBadge state={letter.state} />
        <Text size="sm">{t('delivery.to', { destination: letter.destination_name ?? t('deliveries.destinationGone') })}</Text>
      </Group>
      <Alert role="note" color={letter.state === 'parked' ? 'grape' : 'red'} py="xs">
        <Text size="sm">{letter.explanation}</Text>
        <Text size="sm" mt={4}>
          {t('deadLetters.reviewFirst')}
        </Text>
        <Actions letter={letter} onDone={onClose} />
      </Alert>
      {letter.last_attempt && (
        <section aria-label={t('deadLetters.lastAttempt')}>
          <Title order={3} mb="sm">
            {t('deadLetters.lastAttempt')}
          </Title>
          <AttemptTimeline attempts={[letter.last_attempt]} />
        </section>
      )}
      <section aria-label={t('deadLetters.payload')}>
        <Title order={3} mb={6}>
          {t('deadLetters.payload')}
        </Title>
        {letter.payload_head ? (
          <Code id="dead-letter-payload" text={pretty(letter.payload_head)} label={t('deadLetters.payload')} />
        ) : (
          <Text size="sm" c="dimmed">
            {t('deadLetters.payloadHidden')}
          </Text>
        )}
      </section>
      <Facts
        rows={[
          [t('deadLetters.since'), <Time key="since" at={letter.dead_at} />],
          [t('delivery.deliveryId'), <Ident key="id" id={letter.id} name={t('delivery.deliveryId')} scope="dead-letter" />],
          [t('delivery.eventId'), <Ident key="event" id={letter.event_id} name={t('delivery.eventId')} scope="dead-letter" />],
          [
            t('delivery.destinationId'),
            <Ident key="dst" id={letter.destination_id} name={t('delivery.destinationId')} scope="dead-letter" />,
          ],
          [
            t('delivery.attempts'),
            <AnchorLink key="all" id="dead-letter-delivery" size="sm" to={paths.deliveries} search={{ delivery: letter.id }}>
              {t('deadLetters.allAttempts', { count: letter.attempt_count })}
            </AnchorLink>,
          ],
          [
            t('deadLetters.replayedAs'),
            letter.replayed_as ? (
              <AnchorLink
                key="as"
                id="dead-letter-replayed-as"
                size="sm"
                to={paths.deliveries}
                search={{ delivery: letter.replayed_as }}
              >
                {letter.replayed_as}
              </AnchorLink>
            ) : undefined,
          ],
        ]}
      />
    </Stack>
  )
}

function Actions({ letter, onDone }: { letter: Inspected; onDone: () => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const [dialog, setDialog] = useState<BulkKind>()
  if (!may('delivery:replay')) return null
  return (
    <Group gap="xs" mt="sm">
      <Button id="dead-letter-replay" onClick={() => setDialog('replay')}>
        {t('deadLetters.replayOne')}
      </Button>
      {may('delivery:cancel') && (
        <Button id="dead-letter-discard" variant="default" onClick={() => setDialog('discard')}>
          {t('deadLetters.discardOne')}
        </Button>
      )}
      {dialog && (
        <BulkDialog kind={dialog} ids={[letter.id]} filter={{}} onClose={() => setDialog(undefined)} onStarted={onDone} />
      )}
    </Group>
  )
}
