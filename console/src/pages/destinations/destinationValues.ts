// A destination as its form holds it, and back: a change names only what differs.
import type { Destination, DestinationChange, NewDestination } from '../../api/destinations'

export type Values = {
  name: string
  endpoint_url: string
  adapter_type: string
  settings: Record<string, unknown>
  credential_id: string
  event_types: string[]
  filter: string
  payload_fields: string[]
  transform: string
  body: string
  headers: { name: string; value: string }[]
  /** Empty: the tenant's. */
  profile: string
  ed25519: boolean
  max_attempts: number | ''
  schedule: string
  timeout_ms: number | ''
  jitter: number | ''
  on_exhausted: string
  max_in_flight: number | ''
  rate_limit_per_second: number | ''
  ordered: boolean
  enabled: boolean
}

/** Inputs by the name that the server calls their field. */
export const fields = [
  'name',
  'endpoint_url',
  'adapter_type',
  'settings',
  'credential_id',
  'event_types',
  'filter',
  'payload_fields',
  'transform',
  'body',
  'headers',
  'signing',
  'policy',
  'max_in_flight',
  'rate_limit_per_second',
  'ordered',
] as const

/** `standard` and its like; what has parts of its own is called `custom`, and left as it is. */
export const profileOf = (signing: Destination['signing']): string => {
  const profile: unknown = signing?.profile
  if (typeof profile === 'string') return profile
  return profile ? 'custom' : ''
}

export function valuesOf(destination: Destination | undefined): Values {
  const policy = destination?.policy
  return {
    name: destination?.name ?? '',
    endpoint_url: '',
    adapter_type: destination?.adapter_type ?? 'webhook',
    settings: (destination?.settings ?? {}) as Record<string, unknown>,
    credential_id: destination?.credential_id ?? '',
    event_types: destination?.event_types ?? ['*'],
    filter: destination?.filter ?? '',
    payload_fields: destination?.payload_fields ?? [],
    transform: destination?.transform ?? '',
    body: destination?.body ?? 'envelope',
    headers: destination?.headers ?? [],
    profile: profileOf(destination?.signing),
    ed25519: (destination?.public_keys.length ?? 0) > 0,
    max_attempts: policy?.max_attempts ?? '',
    schedule: policy?.schedule_seconds?.join(', ') ?? '',
    timeout_ms: policy?.timeout_ms ?? '',
    jitter: policy?.jitter ?? '',
    on_exhausted: policy?.on_exhausted ?? '',
    max_in_flight: destination?.max_in_flight ?? '',
    rate_limit_per_second: destination?.rate_limit_per_second ?? '',
    ordered: destination?.ordered ?? false,
    enabled: destination?.enabled ?? true,
  }
}

/** `0, 5, 300`; undefined where it isn't a list of whole seconds. */
export function scheduleOf(text: string): number[] | undefined {
  if (!text.trim()) return []
  const parts = text.split(/[\s,;]+/).filter(Boolean)
  return parts.every((part) => /^\d+$/.test(part)) ? parts.map(Number) : undefined
}

const orNull = <T>(value: T | ''): T | null => (value === '' ? null : value)

/** Every field as the API takes it. */
function whole(values: Values) {
  const policy = {
    max_attempts: orNull(values.max_attempts),
    timeout_ms: orNull(values.timeout_ms),
    jitter: orNull(values.jitter),
    on_exhausted: orNull(values.on_exhausted),
    ...(values.schedule.trim() ? { schedule_seconds: scheduleOf(values.schedule) ?? [] } : {}),
  }
  return {
    name: values.name.trim(),
    settings: values.settings,
    credential_id: orNull(values.credential_id),
    event_types: values.event_types,
    filter: orNull(values.filter.trim()),
    payload_fields: values.payload_fields,
    transform: orNull(values.transform.trim()),
    body: values.body,
    headers: values.headers.filter(({ name }) => name.trim()),
    policy: Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== null)),
    max_in_flight: orNull(values.max_in_flight),
    rate_limit_per_second: orNull(values.rate_limit_per_second),
    ordered: values.ordered,
    enabled: values.enabled,
  }
}

export function newDestination(values: Values): NewDestination {
  const { max_in_flight, ...rest } = whole(values)
  const signing = {
    ...(values.profile ? { profile: values.profile } : {}),
    ...(values.ed25519 ? { ed25519: true } : {}),
  }
  return {
    ...rest,
    adapter_type: values.adapter_type,
    endpoint_url: values.endpoint_url.trim(),
    ...(max_in_flight === null ? {} : { max_in_flight }),
    ...(Object.keys(signing).length > 0 ? { signing: signing as NewDestination['signing'] } : {}),
  }
}

export function changeOf(destination: Destination, values: Values): DestinationChange {
  const [before, after] = [whole(valuesOf(destination)), whole(values)]
  const differs = (key: keyof typeof after) => JSON.stringify(before[key]) !== JSON.stringify(after[key])
  const change = Object.fromEntries(
    (Object.keys(after) as (keyof typeof after)[]).filter(differs).map((key) => [key, after[key]]),
  ) as DestinationChange
  if (values.endpoint_url.trim()) change.endpoint_url = values.endpoint_url.trim()
  const was = valuesOf(destination)
  if (values.profile !== was.profile || values.ed25519 !== was.ed25519) {
    change.signing = {
      ...(values.profile && values.profile !== 'custom' ? { profile: values.profile } : {}),
      ed25519: values.ed25519,
    } as DestinationChange['signing']
  }
  return change
}
