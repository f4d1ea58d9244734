import { ActionIcon, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { DestinationFormApi } from './DestinationForm'

/** Headers of one's own; a signature's headers can't be overridden by them. */
export function HeaderFields({ form }: { form: DestinationFormApi }) {
  const { t } = useTranslation()
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        {t('destination.headers')}
      </Text>
      {form.values.headers.map((_, index) => (
        <Group key={index} gap={6} wrap="nowrap" align="start">
          <TextInput
            id={`destination-form-header-${index}-name`}
            aria-label={t('destinationForm.headerName')}
            placeholder={t('destinationForm.headerName')}
            flex={1}
            {...form.getInputProps(`headers.${index}.name`)}
          />
          <TextInput
            id={`destination-form-header-${index}-value`}
            aria-label={t('destinationForm.headerValue')}
            placeholder={t('destinationForm.headerValue')}
            flex={1}
            {...form.getInputProps(`headers.${index}.value`)}
          />
          <ActionIcon
            id={`destination-form-header-${index}-remove`}
            variant="default"
            size={34}
            aria-label={t('destinationForm.headerRemove')}
            onClick={() => form.removeListItem('headers', index)}
          >
            <IconTrash size={15} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {form.errors.headers && (
        <Text size="sm" c="red" role="alert">
          {form.errors.headers}
        </Text>
      )}
      <div>
        <Button
          id="destination-form-header-add"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => form.insertListItem('headers', { name: '', value: '' })}
        >
          {t('destinationForm.headerAdd')}
        </Button>
      </div>
    </Stack>
  )
}
