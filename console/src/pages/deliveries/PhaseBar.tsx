import { useTranslation } from 'react-i18next'

import type { Attempt } from '../../api/deliveries'
import { useFormats } from '../../i18n/format'
import { phasesOf, wasKept } from './phases'

/** Where the time went: a bar to glance at, and the figures as text. */
export function PhaseBar({ timings, remote }: { timings: Attempt['timings']; remote: string | null | undefined }) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const spans = phasesOf(timings)
  if (spans.length === 0) return null
  const figures = spans.map(({ phase, us }) => ({ phase, us, text: `${t(`attempt.phase.${phase}`)} ${duration(us / 1000)}` }))
  return (
    <div className="phases">
      <div
        className="phase-bar"
        role="img"
        aria-label={t('attempt.phases', { text: figures.map(({ text }) => text).join(', ') })}
      >
        {figures.map(({ phase, us }) => (
          <span key={phase} className={`phase-${phase}`} style={{ flexGrow: us }} />
        ))}
      </div>
      <ul className="phase-legend">
        {figures.map(({ phase, text }) => (
          <li key={phase}>
            <i className={`swatch phase-${phase}`} />
            {text}
          </li>
        ))}
        {wasKept(timings) && <li>{t('attempt.kept')}</li>}
        {remote && <li className="mono">{t('attempt.remote', { address: remote })}</li>}
      </ul>
    </div>
  )
}
