// The pages of the navigation, in its order, and what one needs to see each.
import type { NounKey } from '../api/desk'
import type { Permission } from '../api/session'
import { paths } from '../paths'

export type PlaceKey =
  | 'destinations'
  | 'deliveries'
  | 'deadLetters'
  | 'events'
  | 'eventTypes'
  | 'webhooks'
  | 'tickets'
  | 'alerts'
  | 'evidence'
  | 'clients'
  | 'contacts'
  | 'assets'
  | 'projects'
  | 'timeEntries'
  | 'invoices'
  | 'tags'
  | 'records'
  | 'audit'
  | 'people'
  | 'notifications'
  | 'settings'
  | 'verify'
  | 'firstSteps'

export type Section = 'outbound' | 'inbound' | 'desk' | 'administration'

type Place = {
  key: PlaceKey
  section: Section
  path: Exclude<(typeof paths)[keyof typeof paths], '/' | '/sign-in' | typeof paths.record | typeof paths.received>
  /** Of the records: which. */
  params?: { noun: NounKey }
  needs: Permission
}

const desk = (key: PlaceKey, noun: NounKey): Place => ({ key, section: 'desk', path: paths.desk, params: { noun }, needs: 'desk:read' })

export const places: readonly Place[] = [
  { key: 'destinations', section: 'outbound', path: paths.destinations, needs: 'destination:read' },
  { key: 'deliveries', section: 'outbound', path: paths.deliveries, needs: 'delivery:read' },
  { key: 'deadLetters', section: 'outbound', path: paths.deadLetters, needs: 'delivery:read' },
  { key: 'events', section: 'outbound', path: paths.events, needs: 'event:read' },
  { key: 'eventTypes', section: 'outbound', path: paths.eventTypes, needs: 'event_type:read' },
  { key: 'verify', section: 'outbound', path: paths.verify, needs: 'destination:read' },
  { key: 'webhooks', section: 'inbound', path: paths.inbound, needs: 'inbound_webhook:read' },
  desk('tickets', 'tickets'),
  desk('alerts', 'alerts'),
  desk('evidence', 'evidence'),
  desk('clients', 'clients'),
  desk('contacts', 'contacts'),
  desk('assets', 'assets'),
  desk('projects', 'projects'),
  desk('timeEntries', 'time-entries'),
  desk('invoices', 'invoices'),
  desk('tags', 'tags'),
  { key: 'records', section: 'desk', path: paths.records, needs: 'desk:read' },
  { key: 'audit', section: 'administration', path: paths.audit, needs: 'audit:read' },
  { key: 'notifications', section: 'administration', path: paths.notifications, needs: 'notification:read' },
  { key: 'people', section: 'administration', path: paths.people, needs: 'user:read' },
  { key: 'settings', section: 'administration', path: paths.settings, needs: 'feature:read' },
  { key: 'firstSteps', section: 'administration', path: paths.firstSteps, needs: 'destination:create' },
]

/** Where a place is, as the address bar has it. */
export const addressOf = ({ path, params }: Place) => (params ? path.replace('$noun', params.noun) : path)
