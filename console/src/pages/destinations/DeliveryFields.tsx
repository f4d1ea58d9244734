// How a destination is tried: its own figures, and the tenant's where it has none.
import { Fieldset, NativeSelect, NumberInput, SimpleGrid, Switch, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { policyQuery } from '../../api/destinations'
import type { DestinationFormApi } from './DestinationForm'

const outcomes = ['dead_letter', 'park', 'discard'] as const

export function DeliveryFields({ form, problem }: { form: DestinationFormApi; problem: string | undefined }) {
  const { t } = useTranslation()
  const tenant = useQuery(policyQuery).data
  const shown = (value: unknown) => (value === null || value === undefined ? undefined : String(value))
  return (
    <Fieldset legend={t('destinationForm.delivery')}>
      <Text size="xs" c="dimmed" mb="sm">
        {t('destinationForm.deliveryHint')}
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <NumberInput
          id="destination-form-max-attempts"
          label={t('destination.attempts')}
          hideControls
          placeholder={shown(tenant?.max_attempts)}
          {...form.getInputProps('max_attempts')}
        />
        <NumberInput
          id="destination-form-timeout"
          label={t('destinationForm.timeoutMs')}
          hideControls
          placeholder={shown(tenant?.timeout_ms)}
          {...form.getInputProps('timeout_ms')}
        />
        <TextInput
          id="destination-form-schedule"
          label={t('destinationForm.schedule')}
          placeholder={tenant?.schedule_seconds?.join(', ')}
          {...form.getInputProps('schedule')}
        />
        <NumberInput
          id="destination-form-jitter"
          label={t('destinationForm.jitter')}
          hideControls
          decimalScale={2}
          placeholder={shown(tenant?.jitter)}
          {...form.getInputProps('jitter')}
        />
        <NativeSelect
          id="destination-form-exhausted"
          label={t('destination.exhausted')}
          size="sm"
          data={[
            { value: '', label: t('destinationForm.tenantDefault') },
            ...outcomes.map((value) => ({ value, label: t(`destination.exhausted_${value}`) })),
          ]}
          {...form.getInputProps('on_exhausted')}
        />
        <NumberInput
          id="destination-form-max-in-flight"
          label={t('destination.inFlight')}
          hideControls
          {...form.getInputProps('max_in_flight')}
        />
        <NumberInput
          id="destination-form-rate"
          label={t('destinationForm.rate')}
          hideControls
          placeholder={t('destinationForm.noLimit')}
          {...form.getInputProps('rate_limit_per_second')}
        />
      </SimpleGrid>
      <Switch
        id="destination-form-ordered"
        mt="sm"
        label={t('destinationForm.ordered')}
        description={t('destinationForm.orderedHint')}
        {...form.getInputProps('ordered', { type: 'checkbox' })}
      />
      {problem && (
        <Text size="sm" c="red" mt="xs" role="alert">
          {problem}
        </Text>
      )}
    </Fieldset>
  )
}
