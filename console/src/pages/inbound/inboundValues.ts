// An inbound webhook as its form holds it, and back.
import type { InboundInput, InboundWebhook } from '../../api/inbound'

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
  /** A descriptor, as JSON. */
  descriptor: string
  ip_cidrs: string[]
  keySource: '' | 'header' | 'jsonata'
  keyValue: string
  window: number
  action: string
  mapping: Record<string, string>
  rate: number
  duplicate: string
  mode: string
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
] as const

type Loose = Record<string, unknown>
const text = (value: unknown, otherwise = '') => (typeof value === 'string' ? value : otherwise)
const isAuth = (value: string): value is AuthType => authTypes.some((each) => each === value)

export function valuesOf(webhook: InboundWebhook | undefined): Values {
  const auth = (webhook?.auth_config ?? {}) as Loose
  const handler = (webhook?.handler_config ?? {}) as Loose
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
    descriptor: JSON.stringify(auth.descriptor ?? { signature_header: 'X-Signature', template: '{body}' }, null, 2),
    ip_cidrs: cidrs,
    keySource: source?.type ?? '',
    keyValue: source?.value ?? '',
    window: webhook?.idempotency_window_seconds ?? 86_400,
    action: text(handler.action),
    mapping: { ...((handler.field_mapping ?? {}) as Record<string, string>) },
    rate: webhook?.rate_limit_per_minute ?? 600,
    duplicate: webhook?.duplicate_response ?? 'acknowledge',
    mode: webhook?.mode ?? 'sync',
  }
}

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
      return { descriptor: JSON.parse(values.descriptor) as unknown }
    case 'bearer':
      return {}
  }
}

/** What the form does not show is kept as it was. */
export function inputOf(values: Values, webhook: InboundWebhook | undefined): InboundInput {
  const mapping = Object.fromEntries(Object.entries(values.mapping).filter(([, expression]) => expression.trim()))
  const kept = webhook?.handler_config as Loose | null | undefined
  const ruled = kept && (kept.type !== 'direct_action' || Array.isArray(kept.rules))
  const handler = values.action ? { type: 'direct_action', action: values.action, field_mapping: mapping } : undefined
  const handler_config = ruled ? kept : handler
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
    ...(handler_config ? { handler_type: String(handler_config.type), handler_config } : {}),
    rate_limit_per_minute: values.rate,
    duplicate_response: values.duplicate,
    mode: values.mode,
    ...(webhook ? { ack: webhook.ack, split: webhook.split, allow_get: webhook.allow_get } : {}),
  } as InboundInput
}
