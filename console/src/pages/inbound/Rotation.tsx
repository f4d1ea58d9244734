// A new secret: how long the old one lets in beside it, the new one shown once, and the end of the overlap.
import { Alert, Button, NativeSelect, PasswordInput, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, presetsQuery, useFinalizeInbound, useRotateInbound } from '../../api/inbound'
import { useFormats } from '../../i18n/format'
import { Confirm } from '../../ui/Confirm'
import { Notice } from '../../ui/Notice'
import { SecretOnce } from '../../ui/SecretOnce'
import { tell, tellProblem } from '../../ui/notify'

const OVERLAPS_S = [0, 3600, 86_400, 604_800]

type Props = { webhook: InboundWebhook; opened: boolean; onClose: () => void }

export function Rotation({ webhook, opened, onClose }: Props) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const rotate = useRotateInbound(webhook.id)
  const presets = useQuery(presetsQuery).data?.data ?? []
  const [overlap, setOverlap] = useState('0')
  const [given, setGiven] = useState('')
  const [secret, setSecret] = useState<string>()
  const auth = webhook.auth_config
  const preset = auth.type === 'preset' ? presets.find(({ name }) => name === auth.preset) : undefined
  // What the sender makes is brought here; everything else is made here and shown once.
  const theirs = preset !== undefined && preset.secret !== 'either'
  function run() {
    const body = { overlap_seconds: Number(overlap), ...(given.trim() ? { secret: given.trim() } : {}) }
    const onSuccess = (made: { secret?: string | null }) => {
      onClose()
      setGiven('')
      setSecret(made.secret ?? undefined)
      tell(t('rotate.done'))
    }
    rotate.mutate(body, { onSuccess })
  }
  return (
    <>
      <Confirm
        id="rotate-inbound"
        opened={opened}
        onClose={onClose}
        title={t('rotate.title', { name: webhook.name })}
        text={t('inboundForm.rotateLead')}
        act={t('rotate.act')}
        busy={rotate.isPending}
        disabled={theirs && !given.trim()}
        onAct={run}
      >
        <NativeSelect
          id="rotate-inbound-overlap"
          mt="sm"
          label={t('rotate.overlap')}
          description={t('inboundForm.overlapHint')}
          value={overlap}
          onChange={(event) => setOverlap(event.currentTarget.value)}
          data={OVERLAPS_S.map((seconds) => ({
            value: String(seconds),
            label: seconds === 0 ? t('rotate.none') : duration(seconds * 1000),
          }))}
        />
        <PasswordInput
          id="rotate-inbound-secret"
          mt="sm"
          label={theirs ? t('wizard.theirSecret') : t('inboundForm.ownSecret')}
          description={preset?.setup}
          autoComplete="off"
          visibilityToggleButtonProps={{ id: 'rotate-inbound-secret-show', 'aria-label': t('signIn.showPassword') }}
          value={given}
          onChange={(event) => setGiven(event.currentTarget.value)}
        />
        {rotate.error && <Notice id="rotate-inbound-problem" error={rotate.error} />}
      </Confirm>
      {secret && (
        <SecretOnce
          name={webhook.name}
          secret={secret}
          title={t('inboundForm.secretTitle', { name: webhook.name })}
          lead={t('inboundForm.secretLead')}
          onStored={() => setSecret(undefined)}
        />
      )}
      {!secret && webhook.previous_secret_until && <Overlap webhook={webhook} until={webhook.previous_secret_until} />}
    </>
  )
}

/** Both secrets let in: until when, and how to end it once the sender has the new one. */
function Overlap({ webhook, until }: { webhook: InboundWebhook; until: string }) {
  const { t } = useTranslation()
  const { whole } = useFormats()
  const finalize = useFinalizeInbound(webhook.id)
  const end = () => finalize.mutate(undefined, { onSuccess: () => tell(t('rotate.finalized')), onError: tellProblem })
  return (
    <Alert role="note" color="lake" py="xs">
      <Text size="sm">{t('inboundForm.overlapping', { time: whole(until) })}</Text>
      <Button id="rotate-inbound-finalize" mt={6} variant="default" loading={finalize.isPending} onClick={end}>
        {t('rotate.finalize')}
      </Button>
    </Alert>
  )
}
