// Checks a signature as a receiver does, step by step, so that it can be said which step fails. Nothing leaves the browser.

export const profiles = ['standard', 'oneprotect', 'fr022', 'alga'] as const
export type ProfileName = (typeof profiles)[number]
export type Input = { profile: ProfileName; headers: string; body: string; secret: string; now: number }

/** What was looked at, in its order; the first that is not `ok` is the reason. */
export type Step = { step: 'headers' | 'timestamp' | 'secret' | 'signature'; ok: boolean; detail: Detail }
export type Detail =
  | { kind: 'fine' }
  | { kind: 'missing'; name: string }
  | { kind: 'unreadable'; name: string }
  | { kind: 'old'; seconds: number }
  | { kind: 'emptySecret' }
  | { kind: 'notBase64' }
  | { kind: 'differs'; expected: string; given: string; hint?: 'trimmed' | 'newline' | 'prettified' | 'rawSecret' }

const TOLERANCE_S = 300
const bytesOf = (text: string) => new TextEncoder().encode(text)

type Profile = {
  signature: string
  timestamp?: string
  id?: string
  encoding: 'hex' | 'base64'
}
const shapes: Record<ProfileName, Profile> = {
  standard: { signature: 'webhook-signature', timestamp: 'webhook-timestamp', id: 'webhook-id', encoding: 'base64' },
  oneprotect: { signature: 'x-oneprotect-signature', timestamp: 'x-oneprotect-timestamp', encoding: 'hex' },
  fr022: { signature: 'x-signature', timestamp: 'x-timestamp', encoding: 'hex' },
  alga: { signature: 'x-alga-signature', encoding: 'hex' },
}

/** `Name: value` per line, as a proxy or `curl -v` prints them. */
export function headersOf(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const parts = /^[<>\s]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(line)
    if (parts?.[1]) found.set(parts[1].toLowerCase(), parts[2] ?? '')
  }
  return found
}

type Read = { signatures: string[]; timestamp: string; id: string }

function read(profile: Profile, name: ProfileName, headers: Map<string, string>): Read | Detail {
  const given = headers.get(profile.signature)
  if (!given) return { kind: 'missing', name: profile.signature }
  if (name === 'alga') {
    const parts = new Map(given.split(',').map((part) => [part.split('=')[0]?.trim() ?? '', part.split('=')[1]?.trim() ?? '']))
    const [timestamp, signature] = [parts.get('t'), parts.get('v1')]
    return timestamp && signature ? { signatures: [signature], timestamp, id: '' } : { kind: 'unreadable', name: profile.signature }
  }
  const missing = [profile.timestamp, profile.id].find((header) => header && !headers.get(header))
  if (missing) return { kind: 'missing', name: missing }
  const signatures =
    name === 'standard'
      ? given.split(' ').flatMap((part) => (part.startsWith('v1,') ? [part.slice(3)] : []))
      : [given.replace(/^sha256=/, '').toLowerCase()]
  if (signatures.length === 0) return { kind: 'unreadable', name: profile.signature }
  return { signatures, timestamp: headers.get(profile.timestamp ?? '') ?? '', id: headers.get(profile.id ?? '') ?? '' }
}

/** The key of a secret: `standard` has base64 behind `whsec_`, the others take what is shown. */
function keyOf(name: ProfileName, secret: string): Uint8Array | undefined {
  if (name !== 'standard') return bytesOf(secret)
  try {
    return Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

async function sign(key: Uint8Array, signed: string, encoding: 'hex' | 'base64'): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await crypto.subtle.importKey('raw', key as BufferSource, algorithm, false, ['sign'])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytesOf(signed)))
  if (encoding === 'hex') return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return btoa(String.fromCharCode(...mac))
}

export async function check({ profile: name, headers: text, body, secret, now }: Input): Promise<Step[]> {
  const profile = shapes[name]
  const found = read(profile, name, headersOf(text))
  if ('kind' in found) return [{ step: 'headers', ok: false, detail: found }]
  const steps: Step[] = [{ step: 'headers', ok: true, detail: { kind: 'fine' } }]
  steps.push(timely(found.timestamp, now))
  const trimmed = secret.trim()
  if (!trimmed) return [...steps, { step: 'secret', ok: false, detail: { kind: 'emptySecret' } }]
  const key = keyOf(name, trimmed)
  if (!key || key.length === 0) return [...steps, { step: 'secret', ok: false, detail: { kind: 'notBase64' } }]
  steps.push({ step: 'secret', ok: true, detail: { kind: 'fine' } })
  const before = [found.id, found.timestamp].filter(Boolean).join('.')
  const matches = async (key: Uint8Array, body: string) =>
    found.signatures.includes(await sign(key, `${before}.${body}`, profile.encoding))
  if (await matches(key, body)) return [...steps, { step: 'signature', ok: true, detail: { kind: 'fine' } }]
  const expected = await sign(key, `${before}.${body}`, profile.encoding)
  const hint = await hintOf(matches, key, trimmed, body)
  const detail: Detail = { kind: 'differs', expected, given: found.signatures.join(' '), ...(hint ? { hint } : {}) }
  return [...steps, { step: 'signature', ok: false, detail }]
}

function timely(timestamp: string, now: number): Step {
  if (!/^\d+$/.test(timestamp)) return { step: 'timestamp', ok: false, detail: { kind: 'unreadable', name: timestamp } }
  const seconds = Math.round(now / 1000 - Number(timestamp))
  const ok = Math.abs(seconds) <= TOLERANCE_S
  return { step: 'timestamp', ok, detail: ok ? { kind: 'fine' } : { kind: 'old', seconds } }
}

type Hint = NonNullable<Extract<Detail, { kind: 'differs' }>['hint']>

/** What receivers get wrong most: the body is no longer the bytes that came, or the secret was read otherwise. */
async function hintOf(
  matches: (key: Uint8Array, body: string) => Promise<boolean>,
  key: Uint8Array,
  secret: string,
  body: string,
): Promise<Hint | undefined> {
  if (await matches(key, body.trim())) return 'trimmed'
  if (await matches(key, body.replace(/\r\n/g, '\n'))) return 'newline'
  if (await matches(bytesOf(secret), body)) return 'rawSecret'
  try {
    if (await matches(key, JSON.stringify(JSON.parse(body)))) return 'prettified'
  } catch {
    return undefined
  }
  return undefined
}
