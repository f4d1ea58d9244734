// A sample request as the sender would make it: proven with the secret that the wizard has just shown.
import type { InboundWebhook } from '../../../api/inbound'
import type { Descriptor } from '../descriptor'

export type Auth = InboundWebhook['auth_config']
export type SampleRequest = { path: string; headers: Record<string, string>; body: string }
type Given = { auth: Auth; secret: string; url: string; body: string; now: number }

const encode = (text: string) => new TextEncoder().encode(text)
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))
const hashes: Record<string, string> = { hmac_sha256: 'SHA-256', hmac_sha512: 'SHA-512', hmac_sha1: 'SHA-1' }

/** Nothing where only the sender can make one: its key is not ours, or it signs a form. */
export async function sampleRequest({ auth, secret, url, body, now }: Given): Promise<SampleRequest | undefined> {
  const path = new URL(url).pathname
  const plain = (headers: Record<string, string>, at = path): SampleRequest => ({ path: at, headers, body })
  switch (auth.type) {
    case 'hmac_sha256':
      return plain({ [auth.signature_header ?? 'X-Alga-Signature']: hex(await mac('SHA-256', encode(secret), body)) })
    case 'bearer':
      return plain({ Authorization: `Bearer ${secret}` })
    case 'path_token':
      return plain({}, `${path}?${new URLSearchParams({ [auth.param ?? 'token']: secret }).toString()}`)
    case 'static_header':
      return plain({ [auth.header]: secret })
    case 'basic':
      return plain({ Authorization: `Basic ${base64(encode(`${auth.username}:${secret}`))}` })
    case 'ip_allowlist':
      return plain({})
    case 'body_field':
      return { path, headers: {}, body: placed(body, auth.path, secret) }
    case 'signature':
      return signed(auth.descriptor, { secret, url, body, now })
    case 'preset':
      return undefined
  }
}

async function mac(hash: string, key: Uint8Array, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key as BufferSource, { name: 'HMAC', hash }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, encode(text)))
}

async function keyOf(kind: string | undefined, secret: string): Promise<Uint8Array> {
  if (kind === 'base64') return Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) => char.charCodeAt(0))
  if (kind === 'hex') return Uint8Array.from(secret.match(/../g) ?? [], (pair) => parseInt(pair, 16))
  if (kind === 'sha256') return new Uint8Array(await crypto.subtle.digest('SHA-256', encode(secret)))
  return encode(secret)
}

async function signed(how: Descriptor, { secret, url, body, now }: Omit<Given, 'auth'>): Promise<SampleRequest | undefined> {
  const hash = hashes[how.algorithm ?? 'hmac_sha256']
  if (!hash || how.template.includes('{sorted_form}')) return undefined
  const time = moment(how.timestamp_unit, now)
  const sent = how.timestamp_path ? placed(body, how.timestamp_path, time) : body
  const id = `msg_${crypto.randomUUID().replaceAll('-', '')}`
  const values: Record<string, string> = { body: sent, timestamp: time, id, method: 'POST', url }
  const text = how.template.replace(/\{(body|timestamp|id|method|url)\}/g, (_, name: string) => values[name] ?? '')
  const bytes = await mac(hash, await keyOf(how.key, secret), text)
  const written = how.encoding === 'hex' || !how.encoding ? hex(bytes) : base64(bytes)
  const signature = (how.prefix ?? '') + (how.encoding === 'base64url' ? written.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') : written)
  const between = how.separator === 'semicolon' ? ';' : ','
  const headers = {
    [how.signature_header]: how.timestamp_prefix ? `${how.timestamp_prefix}${time}${between}${signature}` : signature,
    ...(how.timestamp_header ? { [how.timestamp_header]: time } : {}),
    ...(how.id_header ? { [how.id_header]: id } : {}),
  }
  return { path: new URL(url).pathname, headers, body: sent }
}

function moment(unit: string | undefined, now: number): string {
  if (unit === 'milliseconds') return String(now)
  return unit === 'rfc3339' ? new Date(now).toISOString() : String(Math.floor(now / 1000))
}

type Loose = { [name: string]: unknown }

/** The body with a text at a path: names between dots, `[]` for each element of a list. */
function placed(body: string, path: string, value: string): string {
  const document = JSON.parse(body) as Loose
  const write = (place: Loose, names: string[]): void => {
    const [first = '', ...rest] = names
    const name = first.replace(/\[\]$/, '')
    if (first.endsWith('[]')) {
      const list = Array.isArray(place[name]) ? (place[name] as Loose[]) : [{}]
      place[name] = list
      list.forEach((each) => write(each, rest))
    } else if (rest.length === 0) {
      place[name] = value
    } else {
      const inner = place[name]
      const next: Loose = typeof inner === 'object' && inner !== null ? (inner as Loose) : {}
      place[name] = next
      write(next, rest)
    }
  }
  write(document, path.split('.'))
  return JSON.stringify(document)
}
