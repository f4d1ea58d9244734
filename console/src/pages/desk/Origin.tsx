// Where a record is from, and what it led to: the received request, the events, the trail.
import { Stack, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, historyQuery } from '../../api/desk'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Facts } from '../../ui/Facts'
import { domId } from '../../ui/domId'
import { AnchorLink } from '../../ui/links'

export function Origin({ record }: { record: DeskRecord }) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const history = useInfiniteQuery(historyQuery(record.id))
  const rows = history.data?.pages.flatMap((page) => page.data) ?? []
  const made = history.data && rows.findLast(({ what }) => what === 'created')
  const cause = made?.causation_id
  return (
    <section aria-label={t('desk.origin.title')}>
      <Text fw={600} size="sm" mb={4}>
        {t('desk.origin.title')}
      </Text>
      <Stack gap={4}>
        {made && !cause && (
          <Text size="sm" c="dimmed">
            {t('desk.origin.person')}
          </Text>
        )}
        <Facts
          rows={[
            [t('desk.origin.received'), cause ? <CauseLink key="cause" cause={cause} scope="origin" /> : undefined],
            [
              t('desk.origin.events'),
              cause && may('event:read') ? (
                <EventsLink key="events" id="origin-events" search={{ correlation: cause }} />
              ) : undefined,
            ],
            [
              t('desk.origin.about'),
              // What events carry is searched, which is not for those who may not read it.
              may('event:read') && !session.redacted ? (
                <EventsLink key="about" id="origin-about" search={{ text: record.id }} />
              ) : undefined,
            ],
            [
              t('desk.origin.audit'),
              may('audit:read') ? (
                <AnchorLink key="audit" id="origin-audit" size="sm" underline="always" to={paths.audit} search={{ target: record.id }}>
                  {t('desk.origin.show')}
                </AnchorLink>
              ) : undefined,
            ],
          ]}
        />
      </Stack>
    </section>
  )
}

function EventsLink({ id, search }: { id: string; search: { correlation?: string; text?: string } }) {
  const { t } = useTranslation()
  return (
    <AnchorLink id={id} size="sm" underline="always" to={paths.events} search={search}>
      {t('desk.origin.show')}
    </AnchorLink>
  )
}

/** What brought something about: a received request, for those who may see inbound webhooks, or an event. */
export function CauseLink({ cause, scope }: { cause: string; scope: string }) {
  const { may } = useSession()
  const id = domId(scope, 'cause')
  if (cause.startsWith('ind_') && may('inbound_webhook:read')) {
    return (
      <AnchorLink id={id} size="sm" underline="always" className="mono" to={paths.received} params={{ delivery: cause }}>
        {cause}
      </AnchorLink>
    )
  }
  if (cause.startsWith('evt_') && may('event:read')) {
    return (
      <AnchorLink id={id} size="sm" underline="always" className="mono" to={paths.events} search={{ event: cause }}>
        {cause}
      </AnchorLink>
    )
  }
  return <code className="mono">{cause}</code>
}

/** The cause, and the events that came of it. */
export function CauseLinks({ cause, scope }: { cause: string; scope: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  return (
    <>
      {t('desk.origin.received')}: <CauseLink cause={cause} scope={scope} />
      {may('event:read') && (
        <>
          {' · '}
          <AnchorLink id={domId(scope, 'events')} size="xs" underline="always" to={paths.events} search={{ correlation: cause }}>
            {t('desk.history.events')}
          </AnchorLink>
        </>
      )}
    </>
  )
}
