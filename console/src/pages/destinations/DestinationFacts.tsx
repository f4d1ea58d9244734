import { Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { deliveriesQuery } from '../../api/deliveries'
import { credentialQuery } from '../../api/credentials'
import { type Destination, adaptersQuery, policyQuery } from '../../api/destinations'
import { useSession } from '../../api/session'
import { useFormats } from '../../i18n/format'
import { Facts, Ident } from '../../ui/Facts'
import { StateBadge } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { lastAnswer } from '../deliveries/lastAnswer'
import { LATEST } from './RecentDeliveries'
import { EventTypes } from './DestinationTable'
import { profileOf } from './destinationValues'

/** How the destination is set up. */
export function DestinationFacts({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { endpoint, adapter_type, event_types, headers, max_in_flight, body } = destination
  const policy = usePolicyFacts(destination)
  const { whole } = useFormats()
  const own = headers.map(({ name, value }) => `${name}: ${value}`).join('\n')
  return (
    <Facts
      rows={[
        [t('destination.lastResult'), <LastResult key="last" id={destination.id} />],
        [t('destinations.endpoint'), <Mono key="endpoint" text={endpoint} />],
        [t('destinations.adapter'), adapter_type],
        [t('destinations.eventTypes'), <EventTypes key="types" types={event_types} />],
        [t('destination.body'), body === 'payload' ? t('destination.body_payload') : t('destination.body_envelope')],
        [t('destination.filter'), destination.filter ? <Mono key="filter" text={destination.filter} /> : undefined],
        [
          t('destination.fields'),
          destination.payload_fields.length > 0 ? <Mono key="fields" text={destination.payload_fields.join(', ')} /> : undefined,
        ],
        [t('destination.transform'), destination.transform ? <Mono key="transform" text={destination.transform} /> : undefined],
        [t('destination.secret'), <SecretPosture key="secret" destination={destination} />],
        [t('destination.credential'), <CredentialPosture key="credential" id={destination.credential_id} />],
        ...policy,
        [
          t('destination.rate'),
          destination.rate_limit_per_second
            ? t('destination.rateValue', { rate: destination.rate_limit_per_second })
            : undefined,
        ],
        [
          t('destination.verified'),
          destination.verified_at ? t('destination.verifiedAt', { time: whole(destination.verified_at) }) : undefined,
        ],
        [t('destination.order'), destination.ordered ? t('destination.ordered') : undefined],
        [t('destination.inFlight'), t('destination.inFlightValue', { count: max_in_flight })],
        [t('destination.headers'), own ? <Mono key="headers" text={own} /> : undefined],
        [t('common.created'), <Time key="created" at={destination.created_at} />],
        [t('common.updated'), <Time key="updated" at={destination.updated_at} />],
        [t('common.id'), <Ident key="id" id={destination.id} name={t('common.id')} scope="destination" />],
      ]}
    />
  )
}

/** How its newest delivery went. */
function LastResult({ id }: { id: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useInfiniteQuery({ ...deliveriesQuery({ destination_id: id }, LATEST), enabled: may('delivery:read') })
  const last = query.data?.pages[0]?.data[0]
  if (!last) return t('common.none')
  return (
    <>
      <StateBadge state={last.state} /> {lastAnswer(last)}
    </>
  )
}

/** Whether requests carry a signature, and whose. A secret itself is never shown again. */
function SecretPosture({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { whole } = useFormats()
  const adapters = useQuery(adaptersQuery).data?.data
  const signs = adapters?.find(({ adapter_type }) => adapter_type === destination.adapter_type)?.signs ?? true
  if (!signs) return t('destination.secretAdapter')
  if (profileOf(destination.signing) === 'none') return t('destination.secretNone')
  const until = destination.previous_secret_until
  return until ? t('destination.secretOverlap', { time: whole(until) }) : t('destination.secretSet')
}

/** The credential's name and where its value lies, redacted. */
function CredentialPosture({ id }: { id: string | null | undefined }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const found = useQuery({ ...credentialQuery(id ?? ''), enabled: Boolean(id) && may('credential:read') }).data
  if (!id) return t('destination.credentialNone')
  if (!found) return <code className="mono">{id}</code>
  return (
    <>
      {found.name} ({found.type}) <code className="mono">{found.ref_redacted}</code>
    </>
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
