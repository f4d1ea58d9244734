// What happened over time: one stacked bar per stretch of the window. Loaded when it is drawn.
import '@mantine/charts/styles.css'

import { BarChart } from '@mantine/charts'
import { useTranslation } from 'react-i18next'

import type { Bucket, Window } from '../api/health'
import { useFormats } from '../i18n/format'
import { useNarrow } from '../ui/useNarrow'

type Props = { series: Bucket[]; window: Window; height?: number }

export default function FlowChart({ series, window, height = 130 }: Props) {
  const { t } = useTranslation()
  const { clock, short } = useFormats()
  const narrow = useNarrow()
  const stamp = window === '7d' ? short : (at: string) => clock(at).replace(/:\d\d(?=\D*$)/, '')
  return (
    <BarChart
      h={narrow ? height + 34 : height}
      data={series.map((bucket) => ({ ...bucket, at: stamp(bucket.from) }))}
      dataKey="at"
      type="stacked"
      gridAxis="x"
      tickLine="none"
      withLegend
      legendProps={{ verticalAlign: 'top', height: narrow ? 54 : 26 }}
      // The figures stand beside it as text; a chart that takes the focus would only be in the way.
      barChartProps={{ accessibilityLayer: false }}
      barProps={{ isAnimationActive: false }}
      yAxisProps={{ width: 34, allowDecimals: false }}
      xAxisProps={{ minTickGap: 40 }}
      series={[
        { name: 'delivered', label: t('health.delivered'), color: 'teal.7' },
        { name: 'retries', label: t('health.retries'), color: 'yellow.6' },
        { name: 'failed', label: t('health.failed'), color: 'orange.7' },
        { name: 'dead_lettered', label: t('health.deadLettered'), color: 'red.7' },
      ]}
    />
  )
}
