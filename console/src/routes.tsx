// Every page, its address, what its address may carry, and what one needs to see it.
import type { QueryClient } from '@tanstack/react-query'
import {
  Outlet,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'

import { isDeliveryState } from './api/deliveries'
import { Problem } from './api/problem'
import { type Permission, sessionQuery } from './api/session'
import { BrokenPage } from './pages/BrokenPage'
import { ForbiddenPage } from './pages/ForbiddenPage'
import { NotFoundPage } from './pages/NotFoundPage'
import type { DeliveriesSearch } from './pages/deliveries/DeliveriesPage'
import { base, paths } from './paths'
import { Shell } from './shell/Shell'
import { places } from './shell/places'
import { Loading } from './ui/Loading'

type Raw = Record<string, unknown>
const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined)

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Outlet, notFoundComponent: NotFoundPage })

const signIn = createRoute({
  getParentRoute: () => root,
  path: paths.signIn,
  validateSearch: (raw: Raw): { back?: string } => ({ back: text(raw.back) }),
  component: lazyRouteComponent(() => import('./pages/sign-in/SignInPage'), 'SignInPage'),
})

/** Everything but the sign-in page is behind it. */
const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(sessionQuery)
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error
      const back = location.href === paths.home ? undefined : location.href
      throw redirect({ to: paths.signIn, search: { back } })
    }
  },
})

const home = createRoute({
  getParentRoute: () => shell,
  path: paths.home,
  beforeLoad: async ({ context }) => {
    const { permissions } = await context.queries.ensureQueryData(sessionQuery)
    const first = places.find(({ needs }) => permissions.includes(needs))
    if (first) throw redirect({ to: first.path, replace: true })
  },
  component: ForbiddenPage,
})

const destinations = createRoute({
  getParentRoute: () => shell,
  path: paths.destinations,
  staticData: { needs: 'destination:read' },
  validateSearch: (raw: Raw): { destination?: string; delivery?: string } => ({
    destination: text(raw.destination),
    delivery: text(raw.delivery),
  }),
  component: lazyRouteComponent(() => import('./pages/destinations/DestinationsPage'), 'DestinationsPage'),
})

const deliveries = createRoute({
  getParentRoute: () => shell,
  path: paths.deliveries,
  staticData: { needs: 'delivery:read' },
  validateSearch: (raw: Raw): DeliveriesSearch => ({
    state: isDeliveryState(raw.state) ? raw.state : undefined,
    destination: text(raw.destination),
    delivery: text(raw.delivery),
  }),
  component: lazyRouteComponent(() => import('./pages/deliveries/DeliveriesPage'), 'DeliveriesPage'),
})

const inbound = createRoute({
  getParentRoute: () => shell,
  path: paths.inbound,
  staticData: { needs: 'inbound_webhook:read' },
  validateSearch: (raw: Raw): { webhook?: string } => ({ webhook: text(raw.webhook) }),
  component: lazyRouteComponent(() => import('./pages/inbound/InboundPage'), 'InboundPage'),
})

const tickets = createRoute({
  getParentRoute: () => shell,
  path: paths.tickets,
  staticData: { needs: 'desk:read' },
  validateSearch: (raw: Raw): { ticket?: string } => ({ ticket: text(raw.ticket) }),
  component: lazyRouteComponent(() => import('./pages/tickets/TicketsPage'), 'TicketsPage'),
})

const unknown = createRoute({ getParentRoute: () => shell, path: '$', component: NotFoundPage })

const tree = root.addChildren([signIn, shell.addChildren([home, destinations, deliveries, inbound, tickets, unknown])])

export function createConsoleRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: base,
    context: { queries },
    defaultPreload: 'intent',
    defaultErrorComponent: BrokenPage,
    defaultPendingComponent: Loading,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>
  }
  interface StaticDataRouteOption {
    needs?: Permission
  }
}
