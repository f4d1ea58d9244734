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
import { destinationsQuery } from './api/destinations'
import { Problem } from './api/problem'
import { type Permission, sessionQuery } from './api/session'
import { BrokenPage } from './pages/BrokenPage'
import { ForbiddenPage } from './pages/ForbiddenPage'
import { NotFoundPage } from './pages/NotFoundPage'
import type { AuditSearch } from './pages/audit/AuditPage'
import type { DeadLettersSearch } from './pages/dead-letters/DeadLettersPage'
import type { DeliveriesSearch } from './pages/deliveries/DeliveriesPage'
import { deskSearch } from './pages/desk/search'
import type { EventsSearch } from './pages/events/EventsPage'
import type { InboundSearch } from './pages/inbound/InboundPage'
import { type PeopleTab, peopleTabs } from './pages/people/tabs'
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
    // Whoever begins is led; whoever comes back is not.
    if (permissions.includes('destination:create')) {
      const { pages } = await context.queries.ensureInfiniteQueryData(destinationsQuery)
      if (pages[0]?.data.length === 0) throw redirect({ to: paths.firstSteps, replace: true })
    }
    const first = places.find(({ needs }) => permissions.includes(needs))
    if (first) throw redirect({ to: first.path, params: first.params, search: {}, replace: true })
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

const deadLetters = createRoute({
  getParentRoute: () => shell,
  path: paths.deadLetters,
  staticData: { needs: 'delivery:read' },
  validateSearch: (raw: Raw): DeadLettersSearch => ({
    state: raw.state === 'dead_lettered' || raw.state === 'parked' ? raw.state : undefined,
    destination: text(raw.destination),
    type: text(raw.type),
    reason: text(raw.reason),
    letter: text(raw.letter),
  }),
  component: lazyRouteComponent(() => import('./pages/dead-letters/DeadLettersPage'), 'DeadLettersPage'),
})

const events = createRoute({
  getParentRoute: () => shell,
  path: paths.events,
  staticData: { needs: 'event:read' },
  validateSearch: (raw: Raw): EventsSearch => ({
    type: text(raw.type),
    correlation: text(raw.correlation),
    text: text(raw.text),
    from: text(raw.from),
    to: text(raw.to),
    event: text(raw.event),
  }),
  component: lazyRouteComponent(() => import('./pages/events/EventsPage'), 'EventsPage'),
})

const audit = createRoute({
  getParentRoute: () => shell,
  path: paths.audit,
  staticData: { needs: 'audit:read' },
  validateSearch: (raw: Raw): AuditSearch => ({
    actor: text(raw.actor),
    action: text(raw.action),
    target: text(raw.target),
    correlation_id: text(raw.correlation_id),
    from: text(raw.from),
    to: text(raw.to),
    entry: text(raw.entry),
  }),
  component: lazyRouteComponent(() => import('./pages/audit/AuditPage'), 'AuditPage'),
})

const eventTypes = createRoute({
  getParentRoute: () => shell,
  path: paths.eventTypes,
  staticData: { needs: 'event_type:read' },
  validateSearch: (raw: Raw): { name?: string } => ({ name: text(raw.name) }),
  component: lazyRouteComponent(() => import('./pages/event-types/EventTypesPage'), 'EventTypesPage'),
})

const verify = createRoute({
  getParentRoute: () => shell,
  path: paths.verify,
  staticData: { needs: 'destination:read' },
  component: lazyRouteComponent(() => import('./pages/verify/VerifyPage'), 'VerifyPage'),
})

const people = createRoute({
  getParentRoute: () => shell,
  path: paths.people,
  staticData: { needs: 'user:read' },
  validateSearch: (raw: Raw): { tab?: PeopleTab } => ({ tab: peopleTabs.find((tab) => tab === raw.tab) }),
  component: lazyRouteComponent(() => import('./pages/people/PeoplePage'), 'PeoplePage'),
})

const notifications = createRoute({
  getParentRoute: () => shell,
  path: paths.notifications,
  staticData: { needs: 'notification:read' },
  component: lazyRouteComponent(() => import('./pages/notifications/NotificationsPage'), 'NotificationsPage'),
})

const settings = createRoute({
  getParentRoute: () => shell,
  path: paths.settings,
  staticData: { needs: 'feature:read' },
  component: lazyRouteComponent(() => import('./pages/settings/SettingsPage'), 'SettingsPage'),
})

const inbound = createRoute({
  getParentRoute: () => shell,
  path: paths.inbound,
  staticData: { needs: 'inbound_webhook:read' },
  validateSearch: (raw: Raw): InboundSearch => ({
    tab: raw.tab === 'outbound' ? 'outbound' : undefined,
    webhook: text(raw.webhook),
    delivery: text(raw.delivery),
    add: raw.add === 'sender' ? 'sender' : undefined,
  }),
  component: lazyRouteComponent(() => import('./pages/inbound/InboundPage'), 'InboundPage'),
})

const tickets = createRoute({
  getParentRoute: () => shell,
  path: paths.tickets,
  staticData: { needs: 'desk:read' },
  validateSearch: (raw: Raw): { ticket?: string } => ({ ticket: text(raw.ticket) }),
  // Addresses that were sent to somebody before tickets had their place among the records.
  beforeLoad: ({ search: { ticket } }) => {
    throw redirect({ to: paths.desk, params: { noun: 'tickets' }, search: ticket ? { record: ticket } : {}, replace: true })
  },
})

const records = createRoute({
  getParentRoute: () => shell,
  path: paths.records,
  staticData: { needs: 'desk:read' },
  component: lazyRouteComponent(() => import('./pages/desk/OverviewPage'), 'OverviewPage'),
})

const desk = createRoute({
  getParentRoute: () => shell,
  path: paths.desk,
  staticData: { needs: 'desk:read' },
  validateSearch: deskSearch,
  component: lazyRouteComponent(() => import('./pages/desk/DeskPage'), 'DeskPage'),
})

const record = createRoute({
  getParentRoute: () => shell,
  path: paths.record,
  staticData: { needs: 'desk:read' },
  component: lazyRouteComponent(() => import('./pages/desk/RecordPage'), 'RecordPage'),
})

const received = createRoute({
  getParentRoute: () => shell,
  path: paths.received,
  staticData: { needs: 'inbound_webhook:read' },
  component: lazyRouteComponent(() => import('./pages/received/ReceivedPage'), 'ReceivedPage'),
})

const firstSteps = createRoute({
  getParentRoute: () => shell,
  path: paths.firstSteps,
  staticData: { needs: 'destination:create' },
  component: lazyRouteComponent(() => import('./pages/first-steps/FirstStepsPage'), 'FirstStepsPage'),
})

const unknown = createRoute({ getParentRoute: () => shell, path: '$', component: NotFoundPage })

const tree = root.addChildren([signIn, shell.addChildren([home, destinations, deliveries, deadLetters, events, eventTypes, verify, inbound, tickets, records, desk, record, received, audit, people, notifications, settings, firstSteps, unknown])])

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
