// Loads anew when asked, and says how old the page is: nothing here pretends to be live.
import { Button, Group, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { shorten } from '../api/pages'
import { useFormats } from '../i18n/format'

type Loaded = { dataUpdatedAt: number; isFetching: boolean }
type Props = { id: string; of: Loaded[]; kinds: string[] }

/** `of` is what the page shows first; everything on the page that is of one of the `kinds` is loaded anew. */
export function Refresh({ id, of, kinds }: Props) {
  const { t } = useTranslation()
  const { clock } = useFormats()
  const queries = useQueryClient()
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
        onClick={() =>
          kinds.forEach((kind) => {
            shorten(queries, [kind])
            void queries.refetchQueries({ queryKey: [kind], type: 'active' })
          })
        }
      >
        {t('common.refresh')}
      </Button>
    </Group>
  )
}
