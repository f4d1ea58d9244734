// The portal's session: its token goes with every request as a header. A cookie would be shared by all
// portals in a browser, and not reach frames in most. The token outlives a reload of its tab, and no more.
import { type Schemas, answer, client } from '../api/client'

export type PortalLook = Schemas['PortalLook']

const KEPT = 'hookswitch.portal'
let token: string | undefined

/** A host's frame may get no storage: then a reload ends the visit, and nothing else. */
function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage
  } catch {
    return undefined
  }
}

function keep(fresh: string | undefined) {
  token = fresh
  if (fresh) storage()?.setItem(KEPT, fresh)
  else storage()?.removeItem(KEPT)
}

/** From now on nothing is sent but the portal's own token: no cookie of a console that is open beside it. */
export function onlyPortal() {
  client.use({
    onRequest({ request }) {
      const bare = new Request(request, { credentials: 'omit' })
      if (token) bare.headers.set('Authorization', `Bearer ${token}`)
      return bare
    },
  })
}

/** Follows the link that the page was opened with, or goes on with this tab's visit. `false`: there is neither. */
export async function enter(): Promise<boolean> {
  const link = globalThis.location.hash.slice(1)
  if (!link.startsWith('hsl_')) {
    token = storage()?.getItem(KEPT) ?? undefined
    return token !== undefined
  }
  // Before anything else can read or keep the address.
  globalThis.history.replaceState(null, '', globalThis.location.pathname)
  keep(undefined)
  const opened = await answer(client.POST('/api/v1/portal-sessions/open', { body: { token: link } }))
  keep(opened.token)
  return true
}

export const forget = () => keep(undefined)
