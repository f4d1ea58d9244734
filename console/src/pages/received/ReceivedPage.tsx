// Leads from a received request's id alone to where it is shown: the log of its webhook.
import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Navigate, useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { receivedQuery } from '../../api/received'
import { paths } from '../../paths'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'

export function ReceivedPage() {
  const { t } = useTranslation()
  const { delivery } = useParams({ from: '/shell/received/$delivery' })
  const found = useQuery(receivedQuery(delivery))
  if (found.data) return <Navigate to={paths.inbound} search={{ webhook: found.data.webhook.id, delivery }} replace />
  return (
    <Page title={t('desk.received.title')}>
      {found.isPending && <Loading rows={2} />}
      {found.error && <Notice id="received-problem" error={found.error} onRetry={found.refetch} />}
      {found.data === null && <Text>{t('desk.received.gone', { id: delivery })}</Text>}
    </Page>
  )
}
