// What slides in from the side to show one thing of a list. Its library comes when something is opened.
import { lazy } from 'react'

import { Later } from './Later'
import type { PanelProps } from './Panel'

const Panel = lazy(() => import('./Panel').then((loaded) => ({ default: loaded.Panel })))

export function SidePanel(props: PanelProps) {
  return (
    <Later when={props.opened}>
      <Panel {...props} />
    </Later>
  )
}
