// Loads anew when asked, and says how old the page is: nothing here pretends to be live.
import { Button, Group, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { useFormats } from '../i18n/format'

type Loaded = { dataUpdatedAt: number; isFetching: boolean; refetch: () => unknown }

export function Refresh({ id, of }: { id: string; of: Loaded[] }) {
  const { t } = useTranslation()
  const { clock } = useFormats()
  const oldest = Math.min(...of.map((query) => query.dataUpdatedAt))
  return (
    <Group gap="sm">
      {oldest > 0 && (
        <Text size="xs" c="dimmed">
          {t('common.loadedAt', { time: clock(oldest) })}
        </Text>
      )}
      <Button
        id={id}
        variant="default"
        leftSection={<IconRefresh size={15} aria-hidden />}
        loading={of.some((query) => query.isFetching)}
        onClick={() => of.forEach((query) => query.refetch())}
      >
        {t('common.refresh')}
      </Button>
    </Group>
  )
}
