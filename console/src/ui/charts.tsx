// Charts come with their library, which no page needs before its first words are there.
import { Skeleton } from '@mantine/core'
import { type ComponentProps, Suspense, lazy } from 'react'

const LazyFlow = lazy(() => import('../charts/FlowChart'))
const LazySpark = lazy(() => import('../charts/Spark'))

type Said = { said: string }

export function FlowChart({ said, ...props }: ComponentProps<typeof LazyFlow> & Said) {
  return (
    <div role="img" aria-label={said}>
      <Suspense fallback={<Skeleton height={props.height ?? 130} />}>
        <LazyFlow {...props} />
      </Suspense>
    </div>
  )
}

export function Spark({ said, ...props }: ComponentProps<typeof LazySpark> & Said) {
  const { height = 26, width = '100%' } = props
  return (
    <div role="img" aria-label={said} style={{ width, height }}>
      <Suspense fallback={null}>
        <LazySpark {...props} />
      </Suspense>
    </div>
  )
}
