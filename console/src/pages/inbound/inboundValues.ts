// An inbound webhook as its form holds it, and back.
import type { InboundInput, InboundPreset, InboundWebhook } from '../../api/inbound'
import { type Descriptor, type DescriptorValues, descriptorOf, descriptorValues } from './descriptor'
import { type RuleValues, handlerOf, rulesOf } from './ruleValues'

export const authTypes = [
  'preset',
  'hmac_sha256',
  'bearer',
  'path_token',
  'ip_allowlist',
  'static_header',
  'basic',
  'body_field',
  'signature',
] as const
export type AuthType = (typeof authTypes)[number]

export type Values = {
  name: string
  slug: string
  description: string
  is_active: boolean
  auth: AuthType
  /** A known sender. */
  preset: string
  /** One's own, instead of one that the server makes. Never shown again. */
  secret: string
  signature_header: string
  param: string
  header: string
  username: string
  path: string
  descriptor: DescriptorValues
  ip_cidrs: string[]
  keySource: '' | 'header' | 'jsonata'
  keyValue: string
  window: number
  rules: RuleValues[]
  rate: number
  duplicate: string
  mode: string
  split: string
  ack: string
  ackText: string
  ackAlways: boolean
  allow_get: boolean
  /** Former slugs that still lead here. */
  aliases: string[]
  /** Whether the slug that is changed becomes one of them. */
  keepSlug: boolean
}

/** Where the server's complaints are shown. */
export const fields = [
  'name',
  'slug',
  'auth_config',
  'ip_cidrs',
  'idempotency_source',
  'idempotency_window_seconds',
  'handler_config',
  'rate_limit_per_minute',
  'split',
  'ack',
  'aliases',
] as const

type Loose = Record<string, unknown>
const text = (value: unknown, otherwise = '') => (typeof value === 'string' ? value : otherwise)
const isAuth = (value: string): value is AuthType => authTypes.some((each) => each === value)

export function valuesOf(webhook: InboundWebhook | undefined): Values {
  const auth = (webhook?.auth_config ?? {}) as Loose
  const source = webhook?.idempotency_source
  const cidrs = Array.isArray(auth.ip_cidrs) ? auth.ip_cidrs.map(String) : (webhook?.ip_cidrs ?? [])
  return {
    name: webhook?.name ?? '',
    slug: webhook?.slug ?? '',
    description: webhook?.description ?? '',
    is_active: webhook?.is_active ?? true,
    auth: webhook && isAuth(webhook.auth_type) ? webhook.auth_type : 'hmac_sha256',
    preset: text(auth.preset, 'github'),
    secret: '',
    signature_header: text(auth.signature_header, 'X-Signature'),
    param: text(auth.param, 'token'),
    header: text(auth.header, 'X-Api-Key'),
    username: text(auth.username),
    path: text(auth.path),
    descriptor: descriptorValues((auth.descriptor ?? {}) as Partial<Descriptor>),
    ip_cidrs: cidrs,
    keySource: source?.type ?? '',
    keyValue: source?.value ?? '',
    window: webhook?.idempotency_window_seconds ?? 86_400,
    rules: rulesOf(webhook?.handler_config),
    rate: webhook?.rate_limit_per_minute ?? 600,
    duplicate: webhook?.duplicate_response ?? 'acknowledge',
    mode: webhook?.mode ?? 'sync',
    split: webhook?.split ?? '',
    ack: webhook?.ack.style ?? 'json',
    ackText: webhook?.ack.text ?? '',
    ackAlways: webhook?.ack.always ?? false,
    allow_get: webhook?.allow_get ?? false,
    aliases: webhook?.aliases.map(({ slug }) => slug) ?? [],
    keepSlug: true,
  }
}

/** What a known sender brings along besides its way of proving itself. */
export const presetValues = ({ name, idempotency_source: source, ack }: InboundPreset): Partial<Values> => ({
  auth: 'preset',
  preset: name,
  keySource: source?.type ?? '',
  keyValue: source?.value ?? '',
  ack: ack?.style ?? 'json',
  ackText: ack?.text ?? '',
  ackAlways: ack?.always ?? false,
})

/** What a name makes for the end of a URL. */
export const slugOf = (name: string) =>
  name
    .normalize('NFKD')
    // What the accents were taken off as.
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)

function authOf(values: Values): Loose {
  switch (values.auth) {
    case 'preset':
      return { preset: values.preset }
    case 'hmac_sha256':
      return { signature_header: values.signature_header.trim() }
    case 'path_token':
      return { param: values.param.trim() }
    case 'ip_allowlist':
      return { ip_cidrs: values.ip_cidrs }
    case 'static_header':
      return { header: values.header.trim() }
    case 'basic':
      return { username: values.username.trim() }
    case 'body_field':
      return { path: values.path.trim() }
    case 'signature':
      return { descriptor: descriptorOf(values.descriptor) }
    case 'bearer':
      return {}
  }
}

/** A slug that is taken up again is none of the former ones. */
function aliasesOf({ slug, aliases, keepSlug }: Values, webhook: InboundWebhook): string[] {
  const now = slug.trim()
  const left = now !== webhook.slug && keepSlug ? [webhook.slug] : []
  return [...aliases.filter((each) => each !== now), ...left]
}

/** A handler that the form does not show is kept as it was. */
export function inputOf(values: Values, webhook: InboundWebhook | undefined): InboundInput {
  const kept = webhook?.handler_config
  const handler_config = kept && kept.type !== 'direct_action' ? kept : handlerOf(values.rules)
  return {
    name: values.name.trim(),
    slug: values.slug.trim(),
    description: values.description,
    is_active: values.is_active,
    auth_type: values.auth,
    auth_config: { type: values.auth, ...authOf(values), ...(values.secret.trim() ? { secret: values.secret.trim() } : {}) },
    ip_cidrs: values.auth === 'ip_allowlist' ? [] : values.ip_cidrs,
    idempotency_source: values.keySource && values.keyValue.trim() ? { type: values.keySource, value: values.keyValue.trim() } : null,
    idempotency_window_seconds: values.window,
    ...(handler_config ? { handler_type: handler_config.type, handler_config } : {}),
    rate_limit_per_minute: values.rate,
    duplicate_response: values.duplicate,
    mode: values.mode,
    split: values.split.trim() || null,
    ack: { style: values.ack, always: values.ackAlways, ...(values.ack === 'text' ? { text: values.ackText } : {}) },
    allow_get: values.allow_get,
    ...(webhook ? { aliases: aliasesOf(values, webhook) } : {}),
  } as InboundInput
}
