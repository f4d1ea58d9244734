import { useTranslation } from 'react-i18next'

import type { Destination } from '../../api/destinations'
import { useFormats } from '../../i18n/format'
import { Facts, Ident } from '../../ui/Facts'
import { Time } from '../../ui/Time'
import { EventTypes } from './DestinationTable'

/** How the destination is set up. What it does not override, the tenant's policy says. */
export function DestinationFacts({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { duration, number } = useFormats()
  const { policy, headers, signing, max_in_flight, body } = destination
  const exhausted = policy.on_exhausted
  const inherited = t('destination.policyDefault')
  return (
    <Facts
      rows={[
        [t('destinations.endpoint'), <span key="endpoint" className="mono">{destination.endpoint}</span>],
        [t('destinations.adapter'), destination.adapter_type],
        [t('destinations.eventTypes'), <EventTypes key="types" types={destination.event_types} />],
        [t('destination.signing'), signing ? profileName(signing.profile) : inherited],
        [t('destination.body'), body === 'payload' ? t('destination.body_payload') : t('destination.body_envelope')],
        [t('destination.attempts'), policy.max_attempts ? t('destination.attemptsValue', { count: policy.max_attempts }) : inherited],
        [t('destination.timeout'), policy.timeout_ms ? duration(policy.timeout_ms) : inherited],
        [t('destination.exhausted'), isKnown(exhausted) ? t(`destination.exhausted_${exhausted}`) : inherited],
        [t('destination.inFlight'), t('destination.inFlightValue', { count: max_in_flight, formatted: number(max_in_flight) })],
        [
          t('destination.headers'),
          headers.length > 0 ? <span key="headers" className="mono">{headers.map(({ name, value }) => `${name}: ${value}`).join('\n')}</span> : undefined,
        ],
        [t('common.created'), <Time key="created" at={destination.created_at} />],
        [t('common.updated'), <Time key="updated" at={destination.updated_at} />],
        [t('common.id'), <Ident key="id" id={destination.id} name={t('common.id')} scope="destination" />],
      ]}
    />
  )
}

const isKnown = (text: string | null | undefined): text is 'dead_letter' | 'park' | 'discard' =>
  text === 'dead_letter' || text === 'park' || text === 'discard'

/** `standard` and its like, or the name of an object: `custom`. */
const profileName = (profile: unknown) => (typeof profile === 'object' && profile ? Object.keys(profile)[0] : String(profile))
