import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './styles.css'

import { MantineProvider } from '@mantine/core'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { shorten } from './api/pages'
import { Problem, mayPass } from './api/problem'
import { sessionQuery } from './api/session'
import { start } from './i18n'
import { paths } from './paths'
import { createConsoleRouter } from './routes'
import { theme, variables } from './theme'
import { Corner } from './ui/Corner'

const queries: QueryClient = new QueryClient({
  // What was changed is loaded anew afterwards.
  mutationCache: new MutationCache({ onSuccess: () => shorten(queries) }),
  queryCache: new QueryCache({ onError: leaveIfSignedOut }),
  defaultOptions: {
    // A page says when it was loaded and is loaded anew on demand: nothing happens behind one's back.
    queries: {
      retry: (failures, error) => failures < 1 && mayPass(error),
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      staleTime: 2000,
    },
  },
})
const router = createConsoleRouter(queries)

/** A session may end while a page is open: back to the sign-in page, and from there to here. */
function leaveIfSignedOut(error: Error, query: { queryKey: readonly unknown[] }) {
  const { href } = router.state.location
  // Whether there is a session at all is asked, and answered, by the routes.
  if (!(error instanceof Problem) || error.status !== 401 || query.queryKey[0] === sessionQuery.queryKey[0]) return
  void router.navigate({ to: paths.signIn, search: { back: href } }).then(() => queries.clear())
}

const place = document.getElementById('root')
if (place) {
  await start()
  createRoot(place).render(
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
        <Corner />
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
