// The portal's pages are the console's, at the same places below another base. What isn't here is not
// there for customers; and the server would refuse it.
import type { QueryClient } from '@tanstack/react-query'
import { Outlet, createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'

import { isDeliveryState } from '../api/deliveries'
import { BrokenPage } from '../pages/BrokenPage'
import { NotFoundPage } from '../pages/NotFoundPage'
import { paths } from '../paths'
import { Loading } from '../ui/Loading'
import { PortalShell } from './PortalShell'

type Raw = Record<string, unknown>
const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined)

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Outlet, notFoundComponent: NotFoundPage })

export function createPortalRouter(queries: QueryClient, onLeave: () => void) {
  const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: () => <PortalShell onLeave={onLeave} /> })
  const home = createRoute({
    getParentRoute: () => shell,
    path: paths.home,
    beforeLoad: () => {
      throw redirect({ to: paths.destinations, replace: true })
    },
  })
  const destinations = createRoute({
    getParentRoute: () => shell,
    path: paths.destinations,
    validateSearch: (raw: Raw) => ({ destination: text(raw.destination), delivery: text(raw.delivery) }),
    component: lazyRouteComponent(() => import('../pages/destinations/DestinationsPage'), 'DestinationsPage'),
  })
  const deliveries = createRoute({
    getParentRoute: () => shell,
    path: paths.deliveries,
    validateSearch: (raw: Raw) => ({
      state: isDeliveryState(raw.state) ? raw.state : undefined,
      destination: text(raw.destination),
      delivery: text(raw.delivery),
    }),
    component: lazyRouteComponent(() => import('../pages/deliveries/DeliveriesPage'), 'DeliveriesPage'),
  })
  const eventTypes = createRoute({
    getParentRoute: () => shell,
    path: paths.eventTypes,
    validateSearch: (raw: Raw) => ({ name: text(raw.name) }),
    component: lazyRouteComponent(() => import('../pages/event-types/EventTypesPage'), 'EventTypesPage'),
  })
  const unknown = createRoute({ getParentRoute: () => shell, path: '$', component: NotFoundPage })
  return createRouter({
    routeTree: root.addChildren([shell.addChildren([home, destinations, deliveries, eventTypes, unknown])]),
    basepath: '/portal',
    context: { queries },
    defaultPreload: 'intent',
    defaultErrorComponent: BrokenPage,
    defaultPendingComponent: Loading,
  })
}
