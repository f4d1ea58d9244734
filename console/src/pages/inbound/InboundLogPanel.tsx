// The delivery log of one inbound webhook.
import { Stack } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, inboundLogQuery, inboundWebhookQuery } from '../../api/inbound'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { Snippet } from '../../ui/Snippet'
import { callInboundCurl } from '../../ui/curl'
import { InboundLogTable } from './InboundLogTable'

export function InboundLogPanel({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const webhook = useQuery({ ...inboundWebhookQuery(id ?? ''), enabled: id !== undefined })
  return (
    <SidePanel
      id="inbound-panel"
      title={t('inboundLog.panel', { name: webhook.data?.name ?? '' })}
      opened={id !== undefined}
      onClose={onClose}
    >
      {webhook.isPending && <Loading />}
      {webhook.error && <Notice id="inbound-webhook-problem" error={webhook.error} onRetry={webhook.refetch} />}
      {webhook.data && <Log webhook={webhook.data} />}
    </SidePanel>
  )
}

function Log({ webhook }: { webhook: InboundWebhook }) {
  const { t } = useTranslation()
  const query = useInfiniteQuery(inboundLogQuery(webhook.id))
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  const hint = webhook.auth_type === 'ip_allowlist' ? t('inboundLog.emptyPlain') : t('inboundLog.empty')
  return (
    <Stack gap="sm">
      <Snippet id="inbound-panel-url-copy" text={webhook.url} what={t('inbound.urlOf', { name: webhook.name })} />
      <Refresh id="inbound-log-refresh" of={[query]} kinds={['inbound']} />
      {query.isPending && <Loading />}
      {query.error && <Notice id="inbound-log-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Empty id="inbound-call-curl" title={t('inboundLog.emptyTitle')} text={hint} curl={callInboundCurl(webhook)} />
      )}
      {rows.length > 0 && (
        <div className="roomy">
          <InboundLogTable rows={rows} />
          <More id="inbound-log-more" of={query} count={rows.length} />
        </div>
      )}
    </Stack>
  )
}
