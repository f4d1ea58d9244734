import { Paper, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { useRoleName } from '../shell/useRoleName'
import { Page } from '../ui/Page'

export function ForbiddenPage() {
  const { t } = useTranslation()
  return (
    <Page title={t('problem.forbiddenTitle')}>
      <Paper p="lg">
        <Text>{t('problem.forbidden', { role: useRoleName() })}</Text>
      </Paper>
    </Page>
  )
}
