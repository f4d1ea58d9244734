// What a webhook received: filtered, paged, and looked at again by itself while somebody sees it.
import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, type LogFilter, inboundLogQuery } from '../../api/inbound'
import { useSession } from '../../api/session'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { callInboundCurl } from '../../ui/curl'
import { BulkReplay, isReplayable } from './BulkReplay'
import { InboundJobs } from './InboundJobs'
import { InboundLogTable } from './InboundLogTable'

const SEARCH_MS = 300
const statuses = ['pending', 'dispatched', 'duplicate', 'failed'] as const
const proofs = ['verified', 'rejected_signature', 'rejected_bearer', 'rejected_ip', 'rejected_no_auth'] as const
const kinds = ['replay', 'sent', 'given_up'] as const
type Kind = (typeof kinds)[number]
const kindFilters: Record<Kind, LogFilter> = {
  replay: { is_replay: true },
  sent: { is_replay: false },
  given_up: { dead_lettered: true },
}

export function InboundLog({ webhook, onDelivery }: { webhook: InboundWebhook; onDelivery: (delivery: string) => void }) {
  const { t } = useTranslation()
  const [status, setStatus] = useState('')
  const [proof, setProof] = useState('')
  const [kind, setKind] = useState<Kind>()
  const [text, setText] = useState('')
  const [bulk, setBulk] = useState(false)
  const { may } = useSession()
  const [search] = useDebouncedValue(text.trim(), SEARCH_MS)
  const filter: LogFilter = {
    ...(status ? { status } : {}),
    ...(proof ? { auth_status: proof } : {}),
    ...(kind ? kindFilters[kind] : {}),
    ...(search ? { search } : {}),
  }
  const filtered = Object.keys(filter).length > 0
  const query = useInfiniteQuery(inboundLogQuery(webhook.id, filter))
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  const hint = webhook.auth_type === 'ip_allowlist' ? t('inboundLog.emptyPlain') : t('inboundLog.empty')
  const any = { value: '', label: t('deliveries.any') }
  return (
    <section aria-label={t('inboundLog.table')}>
      <Group justify="space-between" align="end" mb="xs">
        <Group gap="xs" align="end">
          <NativeSelect
            id="inbound-log-status"
            label={t('inboundLog.result')}
            value={status}
            onChange={(event) => setStatus(event.currentTarget.value)}
            data={[any, ...statuses.map((value) => ({ value, label: t(`inboundLog.dispatch.${value}`) }))]}
          />
          <NativeSelect
            id="inbound-log-auth"
            label={t('inboundLog.proof')}
            value={proof}
            onChange={(event) => setProof(event.currentTarget.value)}
            data={[any, ...proofs.map((value) => ({ value, label: t(`inboundLog.proofs.${value}`) }))]}
          />
          <NativeSelect
            id="inbound-log-kind"
            label={t('inboundLog.kind')}
            value={kind ?? ''}
            onChange={(event) => setKind(kinds.find((each) => each === event.currentTarget.value))}
            data={[any, ...kinds.map((value) => ({ value, label: t(`inboundLog.kinds.${value}`) }))]}
          />
          <TextInput
            id="inbound-log-search"
            size="xs"
            label={t('inboundLog.search')}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        </Group>
        <Group gap="xs" align="end">
          {may('inbound_webhook:replay') && webhook.is_active && rows.length > 0 && (
            <Button id="inbound-bulk-open" variant="default" disabled={!isReplayable(filter)} onClick={() => setBulk(true)}>
              {t('inboundLog.bulk')}
            </Button>
          )}
          <Refresh id="inbound-log-refresh" of={[query]} kinds={['inbound']} />
        </Group>
      </Group>
      <InboundJobs webhook={webhook.id} />
      {bulk && <BulkReplay webhook={webhook} filter={filter} onClose={() => setBulk(false)} />}
      <Text size="xs" c="dimmed" mb="xs">
        {t('inboundLog.polls')}
      </Text>
      {query.isPending && <Loading />}
      {query.error && <Notice id="inbound-log-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && filtered && <Empty id="inbound-log-filtered" text={t('deliveries.emptyFilter')} />}
      {query.data && rows.length === 0 && !filtered && (
        <Empty id="inbound-call-curl" title={t('inboundLog.emptyTitle')} text={hint} curl={callInboundCurl(webhook)} />
      )}
      {rows.length > 0 && (
        <div className="roomy">
          <InboundLogTable rows={rows} onOpen={onDelivery} />
          <More id="inbound-log-more" of={query} count={rows.length} />
        </div>
      )}
    </section>
  )
}
