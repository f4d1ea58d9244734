import { Skeleton, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'

export function Loading({ rows = 4 }: { rows?: number }) {
  const { t } = useTranslation()
  return (
    <Stack gap="xs" p="md" role="status" aria-label={t('app.loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={22} />
      ))}
    </Stack>
  )
}
