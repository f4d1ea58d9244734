// What counts as a repetition, how it is answered, and how many requests are taken.
import { Fieldset, Group, NativeSelect, NumberInput, Stack, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { ExpressionEditor } from '../../ui/editor/ExpressionEditor'
import type { InboundFormApi } from './InboundForm'

export function RepetitionFields({ form }: { form: InboundFormApi }) {
  const { t } = useTranslation()
  const { keySource, keyValue } = form.values
  const wrong = form.errors.idempotency_source
  return (
    <Fieldset legend={t('inboundForm.idempotency')}>
      <Stack gap="sm">
        <NativeSelect
          id="inbound-form-key-source"
          size="sm"
          label={t('inboundForm.keySource')}
          data={[
            { value: '', label: t('inboundForm.key_none') },
            { value: 'header', label: t('inboundForm.key_header') },
            { value: 'jsonata', label: t('inboundForm.key_jsonata') },
          ]}
          {...form.getInputProps('keySource')}
        />
        {keySource === 'header' && (
          <TextInput
            id="inbound-form-key-value"
            label={t('destinationForm.headerName')}
            {...form.getInputProps('keyValue')}
            error={form.errors.idempotency_source}
          />
        )}
        {keySource === 'jsonata' && (
          <ExpressionEditor
            id="inbound-form-key-value"
            label={t('inboundForm.expression')}
            value={keyValue}
            {...(typeof wrong === 'string' ? { fault: { detail: wrong } } : {})}
            onChange={(text) => form.setFieldValue('keyValue', text)}
          />
        )}
        <Group grow align="start">
          <NumberInput
            id="inbound-form-window"
            label={t('inboundForm.window')}
            hideControls
            {...form.getInputProps('window')}
            error={form.errors.idempotency_window_seconds}
          />
          <NativeSelect
            id="inbound-form-duplicate"
            size="sm"
            label={t('inboundForm.duplicate')}
            data={[
              { value: 'acknowledge', label: t('inboundForm.duplicate_acknowledge') },
              { value: 'conflict', label: t('inboundForm.duplicate_conflict') },
            ]}
            {...form.getInputProps('duplicate')}
          />
          <NumberInput
            id="inbound-form-rate"
            label={t('inboundForm.rate')}
            hideControls
            {...form.getInputProps('rate')}
            error={form.errors.rate_limit_per_minute}
          />
        </Group>
      </Stack>
    </Fieldset>
  )
}
