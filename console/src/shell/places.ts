// The pages of the navigation, in its order, and what one needs to see each.
import type { Permission } from '../api/session'
import { paths } from '../paths'

type Place = {
  key: 'destinations' | 'deliveries' | 'webhooks' | 'tickets'
  section: 'outbound' | 'inbound' | 'desk'
  path: (typeof paths)['destinations' | 'deliveries' | 'inbound' | 'tickets']
  needs: Permission
}

export const places: readonly Place[] = [
  { key: 'destinations', section: 'outbound', path: paths.destinations, needs: 'destination:read' },
  { key: 'deliveries', section: 'outbound', path: paths.deliveries, needs: 'delivery:read' },
  { key: 'webhooks', section: 'inbound', path: paths.inbound, needs: 'inbound_webhook:read' },
  { key: 'tickets', section: 'desk', path: paths.tickets, needs: 'desk:read' },
]
