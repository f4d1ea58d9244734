// The URL and the secret go to the sender, or the sender's secret comes here: then there is a webhook.
import { Alert, Anchor, Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type CreatedInbound, type InboundInput, useSaveInbound } from '../../../api/inbound'
import { useIntent } from '../../../api/keys'
import { useSession } from '../../../api/session'
import { Notice } from '../../../ui/Notice'
import { SecretOnce } from '../../../ui/SecretOnce'
import { Snippet } from '../../../ui/Snippet'
import { callInboundCurl } from '../../../ui/curl'
import type { Sender } from './ChooseSender'

type Props = {
  sender: Sender
  made: CreatedInbound | undefined
  onBack: () => void
  /** With the secret that both sides have now. */
  onMade: (made: CreatedInbound, secret: string) => void
  onNext: () => void
}

export function Connect({ sender, made, onBack, onMade, onNext }: Props) {
  const { t } = useTranslation()
  const { session } = useSession()
  const intent = useIntent()
  const save = useSaveInbound(undefined)
  const [given, setGiven] = useState('')
  const [stored, setStored] = useState(false)
  const { preset, name, slug, auth } = sender
  const theirs = preset !== undefined && preset.secret !== 'either'
  const url = made?.url ?? `${globalThis.location.origin}/api/inbound/${session.tenant?.slug ?? ''}/${slug}`
  function create() {
    const config = preset ? { type: 'preset', preset: preset.name } : auth
    const body = {
      name,
      slug,
      auth_type: config.type,
      auth_config: { ...config, ...(given.trim() ? { secret: given.trim() } : {}) },
    } as InboundInput
    const onSuccess = (created: CreatedInbound) => {
      intent.done()
      onMade(created, created.secret ?? given.trim())
    }
    save.mutate({ ...body, key: intent.keyFor(body) }, { onSuccess })
  }
  const waits = made?.secret && !theirs && !stored
  return (
    <Stack gap="md">
      <div>
        <Text size="sm" fw={600} mb={4}>
          {t('wizard.url')}
        </Text>
        <Snippet id="wizard-url-copy" text={url} what={t('inbound.urlOf', { name })} />
      </div>
      {preset && (
        <Alert role="note" color="lake" py="xs" title={preset.title}>
          <Text size="sm">{preset.setup}</Text>
          {preset.handshake && <Text size="sm">{t('wizard.handshake')}</Text>}
          <Anchor id="wizard-docs" size="sm" underline="always" href={preset.documentation} target="_blank" rel="noreferrer">
            {t('inboundForm.presetDocs')}
          </Anchor>
        </Alert>
      )}
      {!made && theirs && (
        <PasswordInput
          id="wizard-secret"
          label={preset.secret === 'public_key' ? t('wizard.publicKey') : t('wizard.theirSecret')}
          autoComplete="off"
          visibilityToggleButtonProps={{ id: 'wizard-secret-show', 'aria-label': t('signIn.showPassword') }}
          value={given}
          onChange={(event) => setGiven(event.currentTarget.value)}
        />
      )}
      {save.error && <Notice id="wizard-create-problem" error={save.error} />}
      {made?.secret && !theirs && !stored && (
        <SecretOnce
          name={made.name}
          secret={made.secret}
          title={t('inboundForm.secretTitle', { name: made.name })}
          lead={t('inboundForm.secretLead')}
          onStored={() => setStored(true)}
        />
      )}
      {made && (
        <div>
          <Text size="sm" fw={600} mb={4}>
            {t('wizard.curl')}
          </Text>
          <Snippet id="wizard-curl-copy" text={callInboundCurl({ ...made, auth_config: auth })} />
        </div>
      )}
      <Group justify="space-between">
        <Button id="wizard-back" variant="default" disabled={made !== undefined} onClick={onBack}>
          {t('wizard.back')}
        </Button>
        {made ? (
          <Button id="wizard-wait" disabled={Boolean(waits)} onClick={onNext}>
            {t('wizard.wait')}
          </Button>
        ) : (
          <Button id="wizard-create" loading={save.isPending} disabled={theirs && !given.trim()} onClick={create}>
            {t('create.submit')}
          </Button>
        )}
      </Group>
    </Stack>
  )
}
