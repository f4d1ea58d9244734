// From an empty tenant to its first delivered event and its first inbound webhook: a checklist that ticks
// itself from what is there.
import { Progress, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { Receiving } from './Receiving'
import { Sending } from './Sending'
import type { Step } from './progress'
import { useFacts } from './useFacts'

const inboundSteps: Step[] = ['feature', 'webhook', 'received']

export function FirstStepsPage() {
  const { t } = useTranslation()
  const { facts, steps, webhooks, broken, pending, error } = useFacts()
  const done = steps.filter(([, is]) => is).length
  const receiving = steps.filter(([step]) => inboundSteps.includes(step))
  const sending = steps.filter(([step]) => !inboundSteps.includes(step))
  const said = done === steps.length ? t('firstSteps.all') : t('firstSteps.progress', { done, count: steps.length })
  return (
    <Page title={t('firstSteps.title')} lead={t('firstSteps.lead')}>
      {error && <Notice id="first-steps-problem" error={error} />}
      {pending && <Loading rows={8} />}
      {!pending && (
        <>
          <div>
            <Text size="sm" mb={4} id="first-steps-progress" role="status">
              {said}
            </Text>
            <Progress value={(100 * done) / steps.length} color="teal.8" aria-label={t('firstSteps.title')} />
          </div>
          <div className="halves">
            <Sending facts={facts} steps={sending} broken={broken} />
            {receiving.length > 0 && <Receiving steps={receiving} webhooks={webhooks} />}
          </div>
        </>
      )}
    </Page>
  )
}
