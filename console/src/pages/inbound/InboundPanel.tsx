// One inbound webhook: its address, what it received, the request that its mapping is written against, and what may be done.
import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, inboundWebhookQuery, useDeleteInbound } from '../../api/inbound'
import { useSession } from '../../api/session'
import { Confirm } from '../../ui/Confirm'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { SidePanel } from '../../ui/SidePanel'
import { Snippet } from '../../ui/Snippet'
import { tell, tellProblem } from '../../ui/notify'
import { Capture } from './Capture'
import { InboundDeliveryView } from './InboundDeliveryView'
import { InboundForm } from './InboundForm'
import { InboundLog } from './InboundLog'
import { Rotation } from './Rotation'
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
      {webhook.aliases.length > 0 && (
        <Text size="xs" c="dimmed">
          {t('inbound.alsoAt', { slugs: webhook.aliases.map(({ slug }) => slug).join(', ') })}
        </Text>
      )}
      {may('inbound_webhook:update') && <Actions webhook={webhook} onEdit={onEdit} onGone={onGone} />}
      {may('inbound_webhook:update') && <Capture webhook={webhook} />}
      <InboundLog webhook={webhook} onDelivery={onDelivery} />
    </Stack>
  )
}

function Actions({ webhook, onEdit, onGone }: { webhook: InboundWebhook; onEdit: () => void; onGone: () => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const [open, setOpen] = useState<'rotate' | 'delete' | 'test'>()
  const remove = useDeleteInbound(webhook.id)
  const close = () => setOpen(undefined)
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
      <Rotation webhook={webhook} opened={open === 'rotate'} onClose={close} />
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
