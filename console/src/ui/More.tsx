import { Button, Group, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

type Paged = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }

/** The foot of a list: the next page on demand, or that there is none. */
export function More({ id, of, count }: { id: string; of: Paged; count: number }) {
  const { t } = useTranslation()
  return (
    <Group justify="center" p="xs">
      {of.hasNextPage ? (
        <Button id={id} variant="default" loading={of.isFetchingNextPage} onClick={() => of.fetchNextPage()}>
          {t('common.loadMore')}
        </Button>
      ) : (
        <Text size="xs" c="dimmed">
          {t('common.allLoaded', { count })}
        </Text>
      )}
    </Group>
  )
}
