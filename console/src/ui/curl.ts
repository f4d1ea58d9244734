// Commands that people may copy: with the address of this very installation and the token as a variable.
import type { Schemas } from '../api/client'
import type { InboundWebhook } from '../api/inbound'

const TITLE = 'Disk full on db-1'
const SAMPLES: Record<string, string> = { title: TITLE, message: TITLE, subject: TITLE, name: 'db-1', severity: 'high' }
const token = '  -H "Authorization: Bearer $HOOKSWITCH_TOKEN" \\'

function post(path: string, body: unknown) {
  return [
    `curl -X POST ${globalThis.location.origin}${path} \\`,
    token,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${JSON.stringify(body)}'`,
  ].join('\n')
}

export const publishCurl = () => post('/api/v1/events', { event_type: 'ticket.created', payload: { title: TITLE } })

export const createDestinationCurl = () =>
  post('/api/v1/integrations/destinations', { name: 'Billing system', endpoint_url: 'https://example.com/hooks' })

export const createInboundCurl = () =>
  post('/api/v1/inbound-webhooks', {
    name: 'Monitoring',
    slug: 'monitoring',
    auth_type: 'hmac_sha256',
    auth_config: { type: 'hmac_sha256', signature_header: 'X-Signature' },
    handler_type: 'direct_action',
    handler_config: { type: 'direct_action', action: 'createTicket', field_mapping: { title: 'title' } },
  })

type Receiver = Pick<InboundWebhook, 'url' | 'auth_config' | 'handler_config'>
type Json = { [key: string]: string | Json }

const TEXTS = /'[^']*'|"[^"]*"/g
// A name that is followed by a bracket is a function, by a colon a key of the outcome.
const PATHS = /(?<![\w$.])[a-z_]\w*(?:\.[a-z_]\w*)*(?!\w|\s*[(:])/gi
const WORDS = ['and', 'or', 'in', 'true', 'false', 'null', 'function']

/** A body in which a mapping finds what it looks for, as far as the paths in its expressions show it. */
export function sampleBody(mapping: Record<string, string> = {}): Json {
  const body: Json = {}
  const paths = Object.values(mapping).flatMap((expression) => expression.replace(TEXTS, '').match(PATHS) ?? [])
  for (const path of paths.filter((found) => !WORDS.includes(found))) {
    const names = path.split('.')
    const last = names.pop() ?? path
    let place = body
    for (const name of names) {
      const inner = place[name]
      place = place[name] = typeof inner === 'object' ? inner : {}
    }
    place[last] ??= SAMPLES[last] ?? `${last} 1`
  }
  return Object.keys(body).length > 0 ? body : { title: TITLE }
}

/** What a sender might say first. */
export const samplePayload = { id: 'sample-1', title: TITLE, severity: 'high', message: 'Less than 5 % are left.', device: { name: 'db-1' } }

type Descriptor = Schemas['InboundSignatureDescriptor']
const digests: Record<string, string> = { hmac_sha256: 'sha256', hmac_sha512: 'sha512', hmac_sha1: 'sha1' }

/** Signs by a descriptor with openssl, as far as that can be said in two lines. */
function signing(how: Descriptor): { before: string[]; headers: string[] } | undefined {
  const digest = digests[how.algorithm ?? 'hmac_sha256']
  const text = { text: '-hmac "$SECRET"', base64: '-mac HMAC -macopt "hexkey:$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -tx1 | tr -d " \\n")"' }
  const key = text[(how.key ?? 'text') as keyof typeof text]
  const plain = !/\{(url|method|sorted_form)\}/.test(how.template) && (how.timestamp_unit ?? 'seconds') === 'seconds' && !how.timestamp_path
  if (!digest || !key || !plain || how.encoding === 'base64url') return undefined
  const signed = how.template.replace('{id}', '$ID').replace('{timestamp}', '$TIME').replace('{body}', '$BODY')
  const written = (how.encoding ?? 'hex') === 'hex' ? "-hex | sed 's/.* //'" : '-binary | base64 -w0'
  const value = `${how.prefix ?? ''}$SIGNATURE`
  return {
    before: [
      ...(how.template.includes('{timestamp}') ? ['TIME=$(date +%s)'] : []),
      ...(how.id_header ? ['ID="msg_$(date +%s)"'] : []),
      `SIGNATURE=$(printf %s "${signed}" | openssl dgst -${digest} ${key} ${written})`,
    ],
    headers: [
      ...(how.id_header ? [`  -H "${how.id_header}: $ID" \\`] : []),
      ...(how.timestamp_header ? [`  -H "${how.timestamp_header}: $TIME" \\`] : []),
      `  -H "${how.signature_header}: ${how.timestamp_prefix ? `${how.timestamp_prefix}$TIME,` : ''}${value}" \\`,
    ],
  }
}

/** A request that this webhook authenticates, if SECRET holds its secret. */
export function callInboundCurl({ url, auth_config, handler_config }: Receiver) {
  const handler = handler_config?.type === 'direct_action' ? handler_config : undefined
  const mapping = handler?.field_mapping ?? handler?.rules?.[0]?.field_mapping
  const lines = [`BODY='${JSON.stringify(sampleBody(mapping))}'`]
  const headers = ["  -H 'Content-Type: application/json' \\"]
  let address = url
  if (auth_config.type === 'hmac_sha256') {
    lines.push(`SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')`)
    headers.push(`  -H "${auth_config.signature_header ?? 'X-Alga-Signature'}: $SIGNATURE" \\`)
  } else if (auth_config.type === 'bearer') {
    headers.push('  -H "Authorization: Bearer $SECRET" \\')
  } else if (auth_config.type === 'path_token') {
    address = `${url}?${auth_config.param ?? 'token'}=$SECRET`
  } else if (auth_config.type === 'static_header') {
    headers.push(`  -H "${auth_config.header}: $SECRET" \\`)
  } else if (auth_config.type === 'basic') {
    headers.push(`  -u "${auth_config.username}:$SECRET" \\`)
  } else if (auth_config.type === 'signature') {
    const made = signing(auth_config.descriptor)
    lines.push(...(made?.before ?? []))
    headers.push(...(made?.headers ?? []))
  }
  return [...lines, `curl -X POST "${address}" \\`, ...headers, '  -d "$BODY"'].join('\n')
}
