// A line without axes: how a figure went. Loaded when it is drawn.
import '@mantine/charts/styles.css'

import { Sparkline } from '@mantine/charts'

type Props = { data: number[]; color: string; height?: number; width?: number | string }

export default function Spark({ data, color, height = 26, width = '100%' }: Props) {
  return (
    <Sparkline
      h={height}
      w={width}
      data={data}
      color={color}
      curveType="monotone"
      fillOpacity={0.25}
      strokeWidth={1.5}
      areaProps={{ isAnimationActive: false }}
    />
  )
}
