// The customer portal: an entry of its own over the console's pages, in the host's colours. Opened by a
// one-time link, in a tab or in a frame of the host's.
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import '../styles.css'

import { type CSSVariablesResolver, MantineProvider, createTheme, mergeMantineTheme, DEFAULT_THEME } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { Problem, mayPass } from '../api/problem'
import { sessionQuery } from '../api/session'
import { start } from '../i18n'
import { theme, variables } from '../theme'
import { type Closed, ClosedPage, closedBy } from './ClosedPage'
import { night, shades } from './accent'
import { type PortalLook, enter, forget, onlyPortal } from './key'
import { createPortalRouter } from './routes'

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: (error) => error instanceof Problem && error.status === 401 && close('ended') }),
  defaultOptions: {
    queries: {
      retry: (failures, error) => failures < 1 && mayPass(error),
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      staleTime: 2000,
    },
  },
})

/** The host's colour stands where the console's own does. */
function dress(accent: string | null | undefined): { theme: typeof theme; variables: CSSVariablesResolver } {
  if (!accent) return { theme, variables }
  const lake = shades(accent)
  const own = (base: CSSVariablesResolver): CSSVariablesResolver => (given) => {
    const found = base(given)
    return {
      ...found,
      light: { ...found.light, '--mantine-color-lake-light': lake[0], '--mantine-color-lake-light-color': lake[9] },
      dark: { ...found.dark, '--mantine-color-lake-light': night(accent), '--mantine-color-lake-light-color': lake[0] },
    }
  }
  const dressed = createTheme({ ...theme, colors: { ...theme.colors, lake } })
  return { theme: mergeMantineTheme(DEFAULT_THEME, dressed), variables: own(variables) }
}

function Frame({ look, children }: { look: PortalLook | undefined; children: ReactNode }) {
  const worn = dress(look?.accent)
  const scheme = look?.scheme === 'light' || look?.scheme === 'dark' ? look.scheme : 'auto'
  return (
    <StrictMode>
      <MantineProvider
        theme={worn.theme}
        cssVariablesResolver={worn.variables}
        defaultColorScheme={scheme}
        // What one host wants is no wish of the next one's visitor.
        colorSchemeManager={unkept(scheme)}
      >
        <Notifications position="bottom-right" />
        <QueryClientProvider client={queries}>{children}</QueryClientProvider>
      </MantineProvider>
    </StrictMode>
  )
}

function unkept(first: 'light' | 'dark' | 'auto') {
  let scheme = first
  return {
    get: () => scheme,
    set: (chosen: typeof first) => {
      scheme = chosen
    },
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    clear: () => undefined,
  }
}

const place = document.getElementById('root')
const root = place && createRoot(place)
let look: PortalLook | undefined

function close(why: Closed) {
  // A server that can't be reached for a moment has ended nothing.
  if (why !== 'unreachable') forget()
  queries.clear()
  root?.render(
    <Frame look={look}>
      <ClosedPage why={why} />
    </Frame>,
  )
}

async function open() {
  await start()
  onlyPortal()
  try {
    if (!(await enter())) return close('none')
    const session = await queries.fetchQuery(sessionQuery)
    look = session.portal?.look
    const router = createPortalRouter(queries, () => close('left'))
    root?.render(
      <Frame look={look}>
        <RouterProvider router={router} />
      </Frame>,
    )
  } catch (error) {
    const lost = error instanceof Problem && error.status === 401
    close(lost ? 'ended' : closedBy(error instanceof Problem ? error.code : ''))
  }
}

// Another link in the same tab is another visit.
globalThis.addEventListener('hashchange', () => globalThis.location.hash.startsWith('#hsl_') && globalThis.location.reload())
await open()
