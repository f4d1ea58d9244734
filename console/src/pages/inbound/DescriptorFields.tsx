// A signature by a descriptor, field by field; a known sender's may be begun with.
import { Checkbox, NativeSelect, NumberInput, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { presetsQuery } from '../../api/inbound'
import type { InboundFormApi } from './InboundForm'
import { algorithms, descriptorValues, encodings, keys, separators, timePlaces, units } from './descriptor'

export function DescriptorFields({ form }: { form: InboundFormApi }) {
  const { t } = useTranslation()
  const presets = useQuery(presetsQuery).data?.data ?? []
  const signing = presets.flatMap(({ name, title, auth_config }) =>
    auth_config.type === 'signature' ? [{ value: name, label: title, descriptor: auth_config.descriptor }] : [],
  )
  function begin(name: string) {
    const found = signing.find(({ value }) => value === name)
    if (found) form.setFieldValue('descriptor', descriptorValues(found.descriptor))
  }
  const { time } = form.values.descriptor
  return (
    <Stack gap="sm">
      <NativeSelect
        id="descriptor-begin"
        size="sm"
        label={t('descriptor.begin')}
        data={[{ value: '', label: t('common.none') }, ...signing.map(({ value, label }) => ({ value, label }))]}
        onChange={(event) => begin(event.currentTarget.value)}
      />
      <TextInput
        id="descriptor-header"
        label={t('inboundForm.signatureHeader')}
        {...form.getInputProps('descriptor.signature_header')}
      />
      <TextInput
        id="descriptor-template"
        label={t('descriptor.template')}
        description={t('descriptor.templateHint')}
        classNames={{ input: 'mono' }}
        {...form.getInputProps('descriptor.template')}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <NativeSelect id="descriptor-algorithm" size="sm" label={t('descriptor.algorithm')} data={[...algorithms]} {...form.getInputProps('descriptor.algorithm')} />
        <NativeSelect id="descriptor-encoding" size="sm" label={t('descriptor.encoding')} data={[...encodings]} {...form.getInputProps('descriptor.encoding')} />
        <TextInput id="descriptor-prefix" label={t('descriptor.prefix')} {...form.getInputProps('descriptor.prefix')} />
        <NativeSelect
          id="descriptor-separator"
          size="sm"
          label={t('descriptor.separator')}
          data={separators.map((value) => ({ value, label: t(`descriptor.separator_${value}`) }))}
          {...form.getInputProps('descriptor.separator')}
        />
        <NativeSelect
          id="descriptor-key"
          size="sm"
          label={t('descriptor.key')}
          data={keys.map((value) => ({ value, label: t(`descriptor.key_${value}`) }))}
          {...form.getInputProps('descriptor.key')}
        />
        <TextInput id="descriptor-id-header" label={t('descriptor.idHeader')} {...form.getInputProps('descriptor.id_header')} />
        <NativeSelect
          id="descriptor-time-place"
          size="sm"
          label={t('descriptor.timePlace')}
          data={timePlaces.map((value) => ({ value, label: t(`descriptor.time_${value}`) }))}
          {...form.getInputProps('descriptor.timePlace')}
        />
        <TextInput id="descriptor-time" label={t('descriptor.time')} {...form.getInputProps('descriptor.time')} />
        {time.trim() && (
          <>
            <NativeSelect
              id="descriptor-unit"
              size="sm"
              label={t('descriptor.unit')}
              data={units.map((value) => ({ value, label: t(`descriptor.unit_${value}`) }))}
              {...form.getInputProps('descriptor.timestamp_unit')}
            />
            <NumberInput
              id="descriptor-tolerance"
              label={t('descriptor.tolerance')}
              hideControls
              {...form.getInputProps('descriptor.tolerance_seconds')}
            />
          </>
        )}
      </SimpleGrid>
      <Checkbox
        id="descriptor-prefix-optional"
        size="sm"
        label={t('descriptor.prefixOptional')}
        {...form.getInputProps('descriptor.prefix_optional', { type: 'checkbox' })}
      />
    </Stack>
  )
}
