// Commands that people may copy: with the address of this very installation and the token as a variable.
import type { InboundWebhook } from '../api/inbound'

const TITLE = 'Disk full on db-1'
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

export const createTicketCurl = () => post('/api/v1/tickets', { title: TITLE })

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

const PLAIN_PATH = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/

/** A body in which the mapping finds its fields, as far as they are plain paths into it. */
export function sampleBody(mapping: Record<string, string> = {}): Json {
  const body: Json = {}
  for (const [field, path] of Object.entries(mapping)) {
    if (!PLAIN_PATH.test(path)) continue
    const names = path.split('.')
    const last = names.pop() ?? field
    let place = body
    for (const name of names) {
      const inner = place[name]
      place = place[name] = typeof inner === 'object' ? inner : {}
    }
    place[last] ??= field === 'title' ? TITLE : `${field} 1`
  }
  return Object.keys(body).length > 0 ? body : { title: TITLE }
}

/** A request that this webhook authenticates, if SECRET holds its secret. */
export function callInboundCurl({ url, auth_config, handler_config }: Receiver) {
  const lines = [`BODY='${JSON.stringify(sampleBody(handler_config?.field_mapping))}'`]
  const headers = ["  -H 'Content-Type: application/json' \\"]
  let address = url
  if (auth_config.type === 'hmac_sha256') {
    lines.push(`SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')`)
    headers.push(`  -H "${auth_config.signature_header ?? 'X-Alga-Signature'}: $SIGNATURE" \\`)
  } else if (auth_config.type === 'bearer') {
    headers.push('  -H "Authorization: Bearer $SECRET" \\')
  } else if (auth_config.type === 'path_token') {
    address = `${url}?${auth_config.param ?? 'token'}=$SECRET`
  }
  return [...lines, `curl -X POST "${address}" \\`, ...headers, '  -d "$BODY"'].join('\n')
}
