import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { type Destination, policyQuery } from '../../api/destinations'
import { useFormats } from '../../i18n/format'
import { Facts, Ident } from '../../ui/Facts'
import { Time } from '../../ui/Time'
import { EventTypes } from './DestinationTable'

/** How the destination is set up. */
export function DestinationFacts({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { endpoint, adapter_type, event_types, headers, max_in_flight, body } = destination
  const policy = usePolicyFacts(destination)
  const own = headers.map(({ name, value }) => `${name}: ${value}`).join('\n')
  return (
    <Facts
      rows={[
        [t('destinations.endpoint'), <Mono key="endpoint" text={endpoint} />],
        [t('destinations.adapter'), adapter_type],
        [t('destinations.eventTypes'), <EventTypes key="types" types={event_types} />],
        [t('destination.body'), body === 'payload' ? t('destination.body_payload') : t('destination.body_envelope')],
        ...policy,
        [t('destination.inFlight'), t('destination.inFlightValue', { count: max_in_flight })],
        [t('destination.headers'), own ? <Mono key="headers" text={own} /> : undefined],
        [t('common.created'), <Time key="created" at={destination.created_at} />],
        [t('common.updated'), <Time key="updated" at={destination.updated_at} />],
        [t('common.id'), <Ident key="id" id={destination.id} name={t('common.id')} scope="destination" />],
      ]}
    />
  )
}

/** Signing and retrying: the destination's own words, else the tenant's policy. */
function usePolicyFacts({ policy: own, signing }: Destination): [string, ReactNode][] {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const tenant = useQuery(policyQuery).data
  const delays = (seconds: number[]) => seconds.map((wait) => duration(wait * 1000)).join(', ')
  const afterwards = (text: string) => (isKnown(text) ? t(`destination.exhausted_${text}`) : text)
  const profile = tenant?.default_signing_profile
  return [
    [t('destination.signing'), inherited(signing ? profileName(signing.profile) : undefined, profile && profileName(profile))],
    [
      t('destination.attempts'),
      inherited(own.max_attempts, tenant?.max_attempts, (count) => t('destination.attemptsValue', { count })),
    ],
    [t('destination.delays'), inherited(own.schedule_seconds, tenant?.schedule_seconds, delays)],
    [t('destination.timeout'), inherited(own.timeout_ms, tenant?.timeout_ms, duration)],
    [t('destination.exhausted'), inherited(own.on_exhausted, tenant?.on_exhausted, afterwards)],
  ]
}

function inherited<T>(own: T | null | undefined, tenant: T | null | undefined, say: (value: T) => string = String): ReactNode {
  if (own !== null && own !== undefined) return say(own)
  return tenant !== null && tenant !== undefined ? <Inherited text={say(tenant)} /> : undefined
}

function Inherited({ text }: { text: string }) {
  const { t } = useTranslation()
  return (
    <>
      {text}{' '}
      <Text span size="xs" c="dimmed">
        ({t('destination.policyDefault')})
      </Text>
    </>
  )
}

function Mono({ text }: { text: string }) {
  return (
    <span className="mono" style={{ whiteSpace: 'pre-wrap' }}>
      {text}
    </span>
  )
}

/** `standard` and its like, or the name of an object: `custom`. */
const profileName = (profile: unknown) => (typeof profile === 'object' && profile ? Object.keys(profile)[0] : String(profile))

const isKnown = (text: string): text is 'dead_letter' | 'park' | 'discard' => ['dead_letter', 'park', 'discard'].includes(text)
