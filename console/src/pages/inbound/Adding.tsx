// What slides in to make a webhook: the form, or the wizard that connects a sender.
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import type { CreatedInbound } from '../../api/inbound'
import { Later } from '../../ui/Later'
import { SidePanel } from '../../ui/SidePanel'

const InboundForm = lazy(() => import('./InboundForm').then((loaded) => ({ default: loaded.InboundForm })))
const SourceWizard = lazy(() => import('./wizard/SourceWizard').then((loaded) => ({ default: loaded.SourceWizard })))
const SIZE = 'min(980px, 100%)'

type FormProps = { opened: boolean; onClose: () => void; onMade: (made: CreatedInbound) => void }

export function NewInbound({ opened, onClose, onMade }: FormProps) {
  const { t } = useTranslation()
  return (
    <SidePanel id="new-inbound" title={t('inboundForm.new')} opened={opened} onClose={onClose} size={SIZE}>
      <Later when={opened} wait>
        <InboundForm onDone={onMade} onCancel={onClose} />
      </Later>
    </SidePanel>
  )
}

type WizardProps = { opened: boolean; onClose: () => void; onDone: (webhook: string) => void }

export function ConnectSender({ opened, onClose, onDone }: WizardProps) {
  const { t } = useTranslation()
  return (
    <SidePanel id="wizard" title={t('wizard.title')} opened={opened} onClose={onClose} size={SIZE}>
      <Later when={opened} wait>
        {opened && <SourceWizard onDone={onDone} />}
      </Later>
    </SidePanel>
  )
}
