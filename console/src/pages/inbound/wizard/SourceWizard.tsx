// From a sender to its first request and a mapping that it is understood by, step by step.
import { Stepper } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { CreatedInbound } from '../../../api/inbound'
import { useSession } from '../../../api/session'
import { FeatureNotice } from '../FeatureNotice'
import { ChooseSender, type Sender } from './ChooseSender'
import { Connect } from './Connect'
import { DraftMapping } from './DraftMapping'
import { FirstRequest } from './FirstRequest'

export function SourceWizard({ onDone }: { onDone: (id: string) => void }) {
  const { t } = useTranslation()
  const { session } = useSession()
  const [step, setStep] = useState(0)
  const [sender, setSender] = useState<Sender>()
  const [made, setMade] = useState<CreatedInbound>()
  const [secret, setSecret] = useState('')
  return (
    <>
      {!session.features.inbound_webhooks_enabled && <FeatureNotice />}
      <Stepper
        id="source-wizard"
        active={step}
        size="xs"
        mt="sm"
        allowNextStepsSelect={false}
        onStepClick={() => undefined}
        aria-label={t('wizard.title')}
      >
        <Stepper.Step id="wizard-step-sender" label={t('wizard.sender')} allowStepSelect={false}>
          <ChooseSender onChosen={(chosen) => [setSender(chosen), setStep(1)]} />
        </Stepper.Step>
        <Stepper.Step id="wizard-step-connect" label={t('wizard.connect')} allowStepSelect={false}>
          {sender && (
            <Connect
              sender={sender}
              made={made}
              onBack={() => setStep(0)}
              onMade={(created, shared) => [setMade(created), setSecret(shared)]}
              onNext={() => setStep(2)}
            />
          )}
        </Stepper.Step>
        <Stepper.Step id="wizard-step-request" label={t('wizard.request')} allowStepSelect={false}>
          {made && sender && <FirstRequest webhook={made} auth={sender.auth} secret={secret} onNext={() => setStep(3)} />}
        </Stepper.Step>
        <Stepper.Step id="wizard-step-mapping" label={t('wizard.mapping')} allowStepSelect={false}>
          {made && <DraftMapping id={made.id} onDone={() => onDone(made.id)} />}
        </Stepper.Step>
      </Stepper>
    </>
  )
}
