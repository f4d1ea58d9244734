// How a sender proves itself: each scheme has inputs of its own.
import { Alert, Anchor, Fieldset, NativeSelect, PasswordInput, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { presetsQuery } from '../../api/inbound'
import { DescriptorFields } from './DescriptorFields'
import type { InboundFormApi } from './InboundForm'
import { authTypes, presetValues } from './inboundValues'

/** Secrets are made by the server, where the sender does not make them, and shown once. */
export function AuthFields({ form, fresh }: { form: InboundFormApi; fresh: boolean }) {
  const { t } = useTranslation()
  const { auth } = form.values
  return (
    <Fieldset legend={t('inbound.auth')}>
      <Stack gap="sm">
        <NativeSelect
          id="inbound-form-auth"
          size="sm"
          label={t('inboundForm.scheme')}
          data={authTypes.map((value) => ({ value, label: t(`inboundForm.auth_${value}`) }))}
          {...form.getInputProps('auth')}
        />
        {form.errors.auth_config && (
          <Text size="sm" c="red" role="alert">
            {form.errors.auth_config}
          </Text>
        )}
        {auth === 'preset' && <Preset form={form} />}
        {auth === 'hmac_sha256' && (
          <TextInput
            id="inbound-form-signature-header"
            label={t('inboundForm.signatureHeader')}
            {...form.getInputProps('signature_header')}
          />
        )}
        {auth === 'path_token' && (
          <TextInput id="inbound-form-param" label={t('inboundForm.param')} {...form.getInputProps('param')} />
        )}
        {auth === 'static_header' && (
          <TextInput id="inbound-form-header" label={t('destinationForm.headerName')} {...form.getInputProps('header')} />
        )}
        {auth === 'basic' && (
          <TextInput id="inbound-form-username" label={t('inboundForm.username')} {...form.getInputProps('username')} />
        )}
        {auth === 'body_field' && (
          <TextInput id="inbound-form-path" label={t('inboundForm.path')} {...form.getInputProps('path')} />
        )}
        {auth === 'signature' && <DescriptorFields form={form} />}
        {auth !== 'ip_allowlist' && (
          <PasswordInput
            id="inbound-form-secret"
            label={t('inboundForm.secret')}
            description={fresh ? t('inboundForm.secretMade') : t('inboundForm.secretKept')}
            autoComplete="off"
            visibilityToggleButtonProps={{ id: 'inbound-form-secret-show', 'aria-label': t('signIn.showPassword') }}
            {...form.getInputProps('secret')}
          />
        )}
        <TagsInput
          id="inbound-form-cidrs"
          label={auth === 'ip_allowlist' ? t('inboundForm.cidrs') : t('inboundForm.alsoCidrs')}
          {...form.getInputProps('ip_cidrs')}
        />
      </Stack>
    </Fieldset>
  )
}

/** A known sender brings its settings along, and says what to do there. */
function Preset({ form }: { form: InboundFormApi }) {
  const { t } = useTranslation()
  const presets = useQuery(presetsQuery).data?.data ?? []
  const chosen = presets.find(({ name }) => name === form.values.preset)
  function choose(name: string | null) {
    const preset = presets.find((each) => each.name === name)
    if (preset) form.setValues(presetValues(preset))
  }
  return (
    <>
      <Select
        id="inbound-form-preset"
        label={t('inboundForm.preset')}
        data={presets.map(({ name, title }) => ({ value: name, label: title }))}
        searchable
        allowDeselect={false}
        {...form.getInputProps('preset')}
        onChange={choose}
      />
      {chosen && (
        <Alert role="note" color="lake" py="xs">
          <Text size="sm">{chosen.setup}</Text>
          <Anchor id="inbound-form-preset-docs" size="sm" href={chosen.documentation} target="_blank" rel="noreferrer">
            {t('inboundForm.presetDocs')}
          </Anchor>
        </Alert>
      )}
    </>
  )
}
