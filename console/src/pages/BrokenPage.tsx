import { Center, Paper } from '@mantine/core'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { Problem } from '../api/problem'
import { Notice } from '../ui/Notice'
import { Page } from '../ui/Page'

/** Shown when a page can't be drawn at all: the server is away, or the console has a fault. */
export function BrokenPage({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation()
  return (
    <Center mih="60dvh" p="md">
      <Page title={t('problem.crashTitle')}>
        <Paper p="lg" component="main">
          {error instanceof Problem ? <Notice id="broken" error={error} onRetry={reset} /> : t('problem.crash')}
        </Paper>
      </Page>
    </Center>
  )
}
