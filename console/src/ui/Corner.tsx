// Where short messages appear.
import { Suspense, lazy } from 'react'

import { useSpoken } from './notify'

const Notifications = lazy(() => import('@mantine/notifications').then((loaded) => ({ default: loaded.Notifications })))

export function Corner() {
  return useSpoken() ? (
    <Suspense fallback={null}>
      <Notifications position="bottom-right" />
    </Suspense>
  ) : null
}
