// A first mapping, from what a sample's places are called. A draft: whoever saves it has seen what it gives.
import type { InboundAction } from '../../../api/inbound'
import { type Leaf, leavesOf } from '../mapping'

/** What senders call it, best first. A field's own name is tried before. */
const names: Record<string, readonly string[]> = {
  title: ['subject', 'summary', 'alertname', 'message', 'name', 'event', 'text', 'reason'],
  description: ['body', 'details', 'content', 'message', 'text', 'summary', 'info'],
  content: ['body', 'comment', 'message', 'text', 'description'],
  external_id: ['uuid', 'guid', 'key', 'number', 'event_id', 'alert_id', 'incident_id', 'id'],
  client_name: ['company', 'organization', 'organisation', 'customer', 'account'],
  full_name: ['name', 'display_name', 'contact', 'user'],
  email: ['mail', 'email_address', 'from'],
  phone_no: ['phone', 'telephone'],
  serial_number: ['serial', 'serialnumber'],
  url: ['link', 'html_url', 'permalink', 'website'],
}

const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')
const last = (path: string) => plain(path.split('.').at(-1) ?? path)
const depth = (path: string) => path.split(/[.[]/).length

/** Of places with the same name, the one that is nearest to the top. */
function named(leaves: Leaf[], name: string): Leaf | undefined {
  return leaves.filter(({ path }) => last(path) === plain(name)).sort((one, other) => depth(one.path) - depth(other.path))[0]
}

const simple = ({ type }: Leaf) => type === 'string' || type === 'number' || type === 'boolean'

export function draftMapping(action: InboundAction, document: unknown): Record<string, string> {
  const leaves = leavesOf(document).filter(simple)
  const mapping: Record<string, string> = {}
  for (const field of action.targetFields) {
    // Which record is meant, and which of a few words, is for people to say.
    if (field.type !== 'string') continue
    const found = [field.name, ...(names[field.name] ?? [])].map((name) => named(leaves, name)).find(Boolean)
    const place = found ?? (field.required ? leaves.find(({ type }) => type === 'string') : undefined)
    if (place) mapping[field.name] = place.type === 'string' ? place.path : `$string(${place.path})`
  }
  return mapping
}
