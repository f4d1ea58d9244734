// An inbound webhook: who it is, how it authenticates, what counts as a repetition, and what it does.
import { Button, Fieldset, Group, Stack, Switch } from '@mantine/core'
import { type UseFormReturnType, useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'

import { type CreatedInbound, type InboundWebhook, useSaveInbound } from '../../api/inbound'
import { useIntent } from '../../api/keys'
import { Notice } from '../../ui/Notice'
import { tell } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'
import { AuthFields } from './AuthFields'
import { HandlerFields } from './HandlerFields'
import { IdentityFields } from './IdentityFields'
import { RepetitionFields } from './RepetitionFields'
import { TakingFields } from './TakingFields'
import { type Values, fields, inputOf, valuesOf } from './inboundValues'

export type InboundFormApi = UseFormReturnType<Values>
type Props = { webhook?: InboundWebhook; onDone: (saved: CreatedInbound) => void; onCancel: () => void }

export function InboundForm({ webhook, onDone, onCancel }: Props) {
  const { t } = useTranslation()
  const intent = useIntent()
  const save = useSaveInbound(webhook?.id)
  const form = useForm<Values>({
    initialValues: valuesOf(webhook),
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      slug: (value) => (/^[a-z0-9][a-z0-9-]*$/.test(value.trim()) ? null : t('inboundForm.badSlug')),
    },
  })
  const rest = useProblems(form, save.error, fields)
  const submit = form.onSubmit((values) => {
    const body = inputOf(values, webhook)
    save.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: (saved) => [intent.done(), tell(t('destinationForm.saved')), onDone(saved)] },
    )
  })
  return (
    <form id="inbound-form" onSubmit={submit} noValidate>
      <Stack gap="md">
        <IdentityFields form={form} webhook={webhook} />
        <AuthFields form={form} fresh={!webhook} />
        <RepetitionFields form={form} />
        <TakingFields form={form} />
        <HandlerFields form={form} webhook={webhook} />
        <Fieldset legend={t('inboundForm.active')}>
          <Switch
            id="inbound-form-active"
            label={t('inboundForm.isActive')}
            {...form.getInputProps('is_active', { type: 'checkbox' })}
          />
        </Fieldset>
        {rest && <Notice id="inbound-form-problem" error={save.error} />}
        <Group justify="end">
          <Button id="inbound-form-cancel" variant="default" onClick={onCancel}>
            {t('common.cancel')}
          </Button>
          <Button id="inbound-form-submit" type="submit" loading={save.isPending}>
            {webhook ? t('common.save') : t('create.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
