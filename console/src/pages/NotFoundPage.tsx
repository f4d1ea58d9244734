import { Paper, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { paths } from '../paths'
import { Page } from '../ui/Page'
import { ButtonLink } from '../ui/links'

export function NotFoundPage() {
  const { t } = useTranslation()
  return (
    <Page title={t('problem.notFoundTitle')}>
      <Paper p="lg">
        <Text mb="md">{t('problem.notFound')}</Text>
        <ButtonLink id="go-home" to={paths.home} variant="default">
          {t('problem.goHome')}
        </ButtonLink>
      </Paper>
    </Page>
  )
}
