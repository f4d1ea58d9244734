// One inbound webhook: its address, what it received, the request that its mapping is written against, and what may be done.
import { Alert, Button, Group, NativeSelect, Stack, Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import {
  type InboundWebhook,
  type LogFilter,
  inboundLogQuery,
  inboundWebhookQuery,
  useDeleteInbound,
  useRotateInbound,
} from '../../api/inbound'
import { useSession } from '../../api/session'
import { Confirm } from '../../ui/Confirm'
import { Empty } from '../../ui/Empty'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SecretOnce } from '../../ui/SecretOnce'
import { SidePanel } from '../../ui/SidePanel'
import { Snippet } from '../../ui/Snippet'
import { callInboundCurl } from '../../ui/curl'
import { tell, tellProblem } from '../../ui/notify'
import { Capture } from './Capture'
import { InboundDeliveryView } from './InboundDeliveryView'
import { InboundForm } from './InboundForm'
import { InboundLogTable } from './InboundLogTable'
import { TestDialog } from './TestDialog'

type Props = {
  id: string | undefined
  delivery: string | undefined
  onDelivery: (delivery: string | undefined) => void
  onClose: () => void
}

export function InboundPanel({ id, delivery, onDelivery, onClose }: Props) {
  const { t } = useTranslation()
  const [editing, setEditing] = useState(false)
  const webhook = useQuery({ ...inboundWebhookQuery(id ?? ''), enabled: id !== undefined })
  const close = () => (editing ? setEditing(false) : onClose())
  return (
    <SidePanel
      id="inbound-panel"
      title={t('inboundLog.panel', { name: webhook.data?.name ?? '' })}
      opened={id !== undefined}
      onClose={close}
      size="min(980px, 100%)"
    >
      {webhook.isPending && <Loading />}
      {webhook.error && <Notice id="inbound-webhook-problem" error={webhook.error} onRetry={webhook.refetch} />}
      {webhook.data && editing && (
        <InboundForm webhook={webhook.data} onDone={() => setEditing(false)} onCancel={() => setEditing(false)} />
      )}
      {webhook.data && !editing && delivery && (
        <InboundDeliveryView webhook={webhook.data} id={delivery} onGo={onDelivery} />
      )}
      {webhook.data && !editing && !delivery && (
        <Body webhook={webhook.data} onEdit={() => setEditing(true)} onDelivery={onDelivery} onGone={onClose} />
      )}
    </SidePanel>
  )
}

type BodyProps = {
  webhook: InboundWebhook
  onEdit: () => void
  onDelivery: (delivery: string) => void
  onGone: () => void
}

function Body({ webhook, onEdit, onDelivery, onGone }: BodyProps) {
  const { t } = useTranslation()
  const { may } = useSession()
  return (
    <Stack gap="md">
      {webhook.auto_disabled_at && (
        <Alert role="note" color="red" title={t('inbound.autoDisabled')}>
          {t('inbound.autoDisabledNote')}
        </Alert>
      )}
      <Snippet id="inbound-panel-url-copy" text={webhook.url} what={t('inbound.urlOf', { name: webhook.name })} />
      {may('inbound_webhook:update') && <Actions webhook={webhook} onEdit={onEdit} onGone={onGone} />}
      {may('inbound_webhook:update') && <Capture webhook={webhook} />}
      <Log webhook={webhook} onDelivery={onDelivery} />
    </Stack>
  )
}

function Actions({ webhook, onEdit, onGone }: { webhook: InboundWebhook; onEdit: () => void; onGone: () => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const [open, setOpen] = useState<'rotate' | 'delete' | 'test'>()
  const [secret, setSecret] = useState<string>()
  const rotate = useRotateInbound(webhook.id)
  const remove = useDeleteInbound(webhook.id)
  const close = () => setOpen(undefined)
  function rotateNow() {
    rotate.mutate({}, { onSuccess: (made) => [close(), setSecret(made.secret ?? undefined)], onError: tellProblem })
  }
  function removeNow() {
    const done = () => [tell(t('destination.deleteDone', { name: webhook.name })), onGone()]
    remove.mutate(undefined, { onSuccess: done, onError: tellProblem })
  }
  return (
    <>
      <Group gap="xs">
        <Button id="inbound-edit" onClick={onEdit}>
          {t('destination.edit')}
        </Button>
        <Button id="inbound-test" variant="default" onClick={() => setOpen('test')}>
          {t('destination.test')}
        </Button>
        {webhook.auth_type !== 'ip_allowlist' && (
          <Button id="inbound-rotate" variant="default" onClick={() => setOpen('rotate')}>
            {t('destination.rotate')}
          </Button>
        )}
        {may('inbound_webhook:delete') && (
          <Button id="inbound-delete" variant="default" onClick={() => setOpen('delete')}>
            {t('destination.delete')}
          </Button>
        )}
      </Group>
      {secret && (
        <SecretOnce
          name={webhook.name}
          secret={secret}
          title={t('inboundForm.secretTitle', { name: webhook.name })}
          lead={t('inboundForm.secretLead')}
          onStored={() => setSecret(undefined)}
        />
      )}
      <Confirm
        id="rotate-inbound"
        opened={open === 'rotate'}
        onClose={close}
        title={t('rotate.title', { name: webhook.name })}
        text={t('inboundForm.rotateLead')}
        act={t('rotate.act')}
        busy={rotate.isPending}
        onAct={rotateNow}
      />
      <Confirm
        id="delete-inbound"
        opened={open === 'delete'}
        onClose={close}
        title={t('destination.deleteTitle', { name: webhook.name })}
        text={t('inboundForm.deleteLead')}
        act={t('destination.delete')}
        danger
        busy={remove.isPending}
        onAct={removeNow}
      />
      {open === 'test' && <TestDialog webhook={webhook} onClose={close} />}
    </>
  )
}

const statuses = ['pending', 'dispatched', 'duplicate', 'failed'] as const

function Log({ webhook, onDelivery }: { webhook: InboundWebhook; onDelivery: (delivery: string) => void }) {
  const { t } = useTranslation()
  const [status, setStatus] = useState<LogFilter['status']>()
  const query = useInfiniteQuery(inboundLogQuery(webhook.id, status ? { status } : {}))
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  const hint = webhook.auth_type === 'ip_allowlist' ? t('inboundLog.emptyPlain') : t('inboundLog.empty')
  return (
    <section aria-label={t('inboundLog.table')}>
      <Group justify="space-between" align="end" mb="xs">
        <NativeSelect
          id="inbound-log-status"
          label={t('inboundLog.result')}
          value={status ?? ''}
          onChange={(event) => setStatus(statuses.find((each) => each === event.currentTarget.value))}
          data={[
            { value: '', label: t('deliveries.any') },
            ...statuses.map((value) => ({ value, label: t(`inboundLog.dispatch.${value}`) })),
          ]}
        />
        <Refresh id="inbound-log-refresh" of={[query]} kinds={['inbound']} />
      </Group>
      <Text size="xs" c="dimmed" mb="xs">
        {t('inboundLog.polls')}
      </Text>
      {query.isPending && <Loading />}
      {query.error && <Notice id="inbound-log-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && status && <Empty id="inbound-log-filtered" text={t('deliveries.emptyFilter')} />}
      {query.data && rows.length === 0 && !status && (
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
