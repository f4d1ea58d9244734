import { useTranslation } from 'react-i18next'

import type { Attempt } from '../../api/deliveries'
import { useFormats } from '../../i18n/format'
import { phasesOf, wasKept } from './phases'

/** Where the time went, phase below phase, each where it began. */
export function Waterfall({ timings, remote }: { timings: Attempt['timings']; remote: string | null | undefined }) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const spans = phasesOf(timings)
  const total = spans.reduce((sum, span) => sum + span.us, 0)
  if (total === 0) return null
  const starts = spans.map((_, place) => spans.slice(0, place).reduce((sum, span) => sum + span.us, 0))
  return (
    <div className="waterfall" role="group" aria-label={t('attempt.waterfall')}>
      <dl>
        {spans.map(({ phase, us }, place) => (
          <div key={phase}>
            <dt>{t(`attempt.phase.${phase}`)}</dt>
            <dd>
              <span className="track" aria-hidden>
                <i
                  className={`phase-${phase}`}
                  style={{ marginInlineStart: `${((starts[place] ?? 0) / total) * 100}%`, width: `${(us / total) * 100}%` }}
                />
              </span>
              <span className="figure">{duration(us / 1000)}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p className="faint">
        {wasKept(timings) && t('attempt.kept')} {remote && <code className="mono">{t('attempt.remote', { address: remote })}</code>}
      </p>
    </div>
  )
}
