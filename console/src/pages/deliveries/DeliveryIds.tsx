import { Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../api/deliveries'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Facts, Ident } from '../../ui/Facts'
import { Time } from '../../ui/Time'
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
  const references = Object.entries(delivery.references).map(([key, value]) =>
    ident(named[key] ?? key, typeof value === 'string' ? value : JSON.stringify(value)),
  )
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
