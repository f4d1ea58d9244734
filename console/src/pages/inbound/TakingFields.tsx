// How requests are taken and answered: before or after the work, with what, and whether a GET is one.
import { Alert, Fieldset, NativeSelect, SegmentedControl, Stack, Switch, Text, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { InboundFormApi } from './InboundForm'

const acks = ['json', 'accepted', 'empty', 'text'] as const
const bodies = ['JSON', 'form', 'multipart', 'XML', 'text/plain'] as const

export function TakingFields({ form }: { form: InboundFormApi }) {
  const { t } = useTranslation()
  const { mode, ack } = form.values
  const wrong = form.errors.ack
  return (
    <Fieldset legend={t('taking.title')}>
      <Stack gap="sm">
        <div>
          <Text size="sm" fw={500} id="inbound-form-mode-label">
            {t('taking.mode')}
          </Text>
          <SegmentedControl
            name="inbound-form-mode"
            aria-labelledby="inbound-form-mode-label"
            size="xs"
            value={mode}
            onChange={(value) => form.setFieldValue('mode', value)}
            data={[
              { value: 'sync', label: t('taking.sync') },
              { value: 'async', label: t('taking.async') },
            ]}
          />
          <Text size="xs" c="dimmed" mt={4}>
            {mode === 'async' ? t('taking.asyncHint') : t('taking.syncHint')}
          </Text>
        </div>
        <NativeSelect
          id="inbound-form-ack"
          size="sm"
          label={t('taking.ack')}
          data={acks.map((value) => ({ value, label: t(`taking.ack_${value}`) }))}
          error={wrong}
          {...form.getInputProps('ack')}
        />
        {ack === 'text' && (
          <TextInput id="inbound-form-ack-text" label={t('taking.ackText')} maxLength={200} {...form.getInputProps('ackText')} />
        )}
        <Switch
          id="inbound-form-ack-always"
          label={t('taking.ackAlways')}
          description={t('taking.ackAlwaysHint')}
          {...form.getInputProps('ackAlways', { type: 'checkbox' })}
        />
        <Switch
          id="inbound-form-allow-get"
          label={t('taking.allowGet')}
          description={t('taking.allowGetHint')}
          {...form.getInputProps('allow_get', { type: 'checkbox' })}
        />
        <Alert role="note" color="gray" py="xs">
          <Text size="xs">{t('taking.bodies', { kinds: bodies.join(', ') })}</Text>
        </Alert>
      </Stack>
    </Fieldset>
  )
}
