// The pages of the navigation, in its order, and what one needs to see each.
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
  | 'audit'
  | 'people'
  | 'notifications'
  | 'settings'
  | 'verify'
  | 'firstSteps'

type Place = {
  key: PlaceKey
  section: 'outbound' | 'inbound' | 'desk' | 'administration'
  path: Exclude<(typeof paths)[keyof typeof paths], '/' | '/sign-in'>
  needs: Permission
}

export const places: readonly Place[] = [
  { key: 'destinations', section: 'outbound', path: paths.destinations, needs: 'destination:read' },
  { key: 'deliveries', section: 'outbound', path: paths.deliveries, needs: 'delivery:read' },
  { key: 'deadLetters', section: 'outbound', path: paths.deadLetters, needs: 'delivery:read' },
  { key: 'events', section: 'outbound', path: paths.events, needs: 'event:read' },
  { key: 'eventTypes', section: 'outbound', path: paths.eventTypes, needs: 'event_type:read' },
  { key: 'verify', section: 'outbound', path: paths.verify, needs: 'destination:read' },
  { key: 'webhooks', section: 'inbound', path: paths.inbound, needs: 'inbound_webhook:read' },
  { key: 'tickets', section: 'desk', path: paths.tickets, needs: 'desk:read' },
  { key: 'audit', section: 'administration', path: paths.audit, needs: 'audit:read' },
  { key: 'notifications', section: 'administration', path: paths.notifications, needs: 'notification:read' },
  { key: 'people', section: 'administration', path: paths.people, needs: 'user:read' },
  { key: 'settings', section: 'administration', path: paths.settings, needs: 'feature:read' },
  { key: 'firstSteps', section: 'administration', path: paths.firstSteps, needs: 'destination:create' },
]
