// What stands in a workflow's place: this version has none, and what one would be given is settled.
import { Alert, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { Facts } from '../../ui/Facts'

const envelope = ['source', 'body', 'headers', 'verified', 'delivery_id', 'idempotency_key', 'received_at'] as const

export function WorkflowNote() {
  const { t } = useTranslation()
  return (
    <Stack gap="sm">
      <Alert role="note" color="yellow" py="xs">
        <Text size="sm">{t('workflow.none')}</Text>
      </Alert>
      <section aria-label={t('workflow.envelope')}>
        <Text size="sm" fw={600} mb={4}>
          {t('workflow.envelope')}
        </Text>
        <Facts rows={envelope.map((name) => [name, t(`workflow.field_${name}`)])} />
      </section>
    </Stack>
  )
}
