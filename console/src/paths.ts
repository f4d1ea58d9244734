// Every address of the console, below its base path.

export const base = '/console'

export const paths = {
  home: '/',
  signIn: '/sign-in',
  destinations: '/integrations',
  deliveries: '/deliveries',
  deadLetters: '/dead-letters',
  events: '/events',
  eventTypes: '/event-types',
  inbound: '/settings/webhooks',
  tickets: '/tickets',
  records: '/desk',
  desk: '/desk/$noun',
  /** A record by its id alone. */
  record: '/record/$id',
  received: '/received/$delivery',
  audit: '/audit',
  people: '/settings/people',
  notifications: '/settings/notifications',
  settings: '/settings/tenant',
  verify: '/verify',
  firstSteps: '/first-steps',
} as const

/** Ids of the desk's records begin with one of these; the pages know which noun each is. */
export const recordPrefixes = /^(tkt|alr|evd|cli|loc|con|ast|prj|phs|psm|ptk|tme|tsh|tpd|svc|inv|tag|tea|brd|sts|pri|cat)_/

/** Where to go after signing in: only ever a place inside the console. */
export function safeReturn(wish: string | undefined): string {
  if (!wish?.startsWith('/') || wish.startsWith('//') || wish.includes('\\')) return paths.home
  return wish.startsWith(paths.signIn) ? paths.home : wish
}
