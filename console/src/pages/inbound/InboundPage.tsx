import { Paper } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { inboundQuery } from '../../api/inbound'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { createInboundCurl } from '../../ui/curl'
import { FeatureNotice } from './FeatureNotice'
import { InboundLogPanel } from './InboundLogPanel'
import { InboundTable } from './InboundTable'

export function InboundPage() {
  const { t } = useTranslation()
  const { session } = useSession()
  const { webhook } = useSearch({ from: '/shell/settings/webhooks' })
  const navigate = useNavigate()
  const query = useInfiniteQuery(inboundQuery)
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  const on = session.features.inbound_webhooks_enabled
  return (
    <Page
      title={t('inbound.title')}
      lead={t('inbound.lead')}
      tools={<Refresh id="inbound-refresh" of={[query]} kinds={['inbound']} />}
    >
      {!on && <FeatureNotice />}
      <Paper className="roomy">
        {query.isPending && <Loading />}
        {query.error && <Notice id="inbound-problem" error={query.error} onRetry={query.refetch} />}
        {query.data && rows.length === 0 && (
          <Empty id="create-inbound-curl" title={t('inbound.emptyTitle')} text={t('inbound.empty')} curl={createInboundCurl()} />
        )}
        {rows.length > 0 && (
          <>
            <InboundTable rows={rows} chosen={webhook} />
            <More id="inbound-more" of={query} count={rows.length} />
          </>
        )}
      </Paper>
      <InboundLogPanel id={webhook} onClose={() => navigate({ to: paths.inbound, search: {} })} />
    </Page>
  )
}
