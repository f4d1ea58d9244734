import { Group, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../api/deliveries'
import { useSession } from '../../api/session'
import { paths, recordPrefixes } from '../../paths'
import { Facts, Ident } from '../../ui/Facts'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { AnchorLink } from '../../ui/links'

/** Everything that this delivery can be traced by. */
export function DeliveryIds({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const { replayed_from } = delivery
  const named: Record<string, string> = {
    alert_id: t('delivery.alertId'),
    evidence_id: t('delivery.evidenceId'),
    ticket_id: t('delivery.ticketId'),
  }
  const ident = (name: string, id: string | null | undefined): [string, React.ReactNode] => [
    name,
    id ? <Ident key={name} id={id} name={name} scope="delivery" /> : undefined,
  ]
  const references = Object.entries(delivery.references).map(([key, value]) => {
    const name = named[key] ?? key
    const id = typeof value === 'string' ? value : JSON.stringify(value)
    return [name, <Reference key={key} name={name} id={id} />] as [string, React.ReactNode]
  })
  return (
    <section aria-label={t('delivery.ids')}>
      <Title order={3} mb={6}>
        {t('delivery.ids')}
      </Title>
      <Facts
        rows={[
          ident(t('delivery.deliveryId'), delivery.id),
          ident(t('delivery.eventId'), delivery.event_id),
          ident(t('delivery.destinationId'), delivery.destination_id),
          ident(t('delivery.correlationId'), delivery.correlation_id),
          [
            t('delivery.related'),
            delivery.correlation_id ? <Correlation key="related" id={delivery.correlation_id} /> : undefined,
          ],
          ...references,
          [
            t('delivery.replayedFrom'),
            replayed_from ? (
              <AnchorLink
                key="original"
                id="delivery-original"
                size="sm"
                to={paths.deliveries}
                search={{ delivery: replayed_from }}
              >
                {t('delivery.showOriginal')}
              </AnchorLink>
            ) : undefined,
          ],
          [
            t('delivery.auditId'),
            may('audit:read') ? (
              <AnchorLink key="audit" id="delivery-audit" size="sm" to={paths.audit} search={{ target: delivery.id }}>
                {t('delivery.auditShow')}
              </AnchorLink>
            ) : undefined,
          ],
          [t('common.created'), <Time key="created" at={delivery.created_at} />],
          [t('common.updated'), <Time key="updated" at={delivery.updated_at} />],
        ]}
      />
    </section>
  )
}

/** What the event was about: a record that can be opened, or an id of somebody else's. */
function Reference({ name, id }: { name: string; id: string }) {
  const { may } = useSession()
  const leads = may('desk:read') && recordPrefixes.test(id)
  return (
    <Group gap={6}>
      {leads && (
        <AnchorLink id={domId('delivery-open', id)} size="sm" underline="always" to={paths.record} params={{ id }}>
          {name}
        </AnchorLink>
      )}
      <Ident id={id} name={name} scope="delivery" />
    </Group>
  )
}

/** What else has this correlation; where a received request is the beginning of it all, that one. */
function Correlation({ id }: { id: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const received = id.startsWith('ind_') && may('inbound_webhook:read')
  return (
    <Group gap="md">
      {may('event:read') && (
        <AnchorLink id="delivery-correlated" size="sm" underline="always" to={paths.events} search={{ correlation: id }}>
          {t('delivery.correlated')}
        </AnchorLink>
      )}
      {received && (
        <AnchorLink id="delivery-received" size="sm" underline="always" to={paths.received} params={{ delivery: id }}>
          {t('delivery.received')}
        </AnchorLink>
      )}
    </Group>
  )
}
