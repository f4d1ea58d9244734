// Parts of a page that are loaded when they are first shown.
import { type ReactNode, Suspense, useState } from 'react'

import { Loading } from './Loading'

/** Nothing of what is inside is fetched before `when` is true for the first time; afterwards it stays, to close gently. */
export function Later({ when, wait, children }: { when: boolean; wait?: boolean; children: ReactNode }) {
  const [shown, setShown] = useState(when)
  if (when && !shown) setShown(true)
  return shown ? <Suspense fallback={wait ? <Loading /> : null}>{children}</Suspense> : null
}
