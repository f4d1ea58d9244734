// One received request: what came, what was answered, and what a replay would do differently.
import { Alert, Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { IconArrowLeft } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import {
  type InboundDelivery,
  type InboundPreview,
  type InboundWebhook,
  inboundDeliveryQuery,
  replayPreviewQuery,
  useReplayInbound,
} from '../../api/inbound'
import { useSession } from '../../api/session'
import { useFormats } from '../../i18n/format'
import { Code, pretty } from '../../ui/Code'
import { Facts, Ident } from '../../ui/Facts'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Time } from '../../ui/Time'
import { tell, tellProblem } from '../../ui/notify'
import { OutcomeText, Result } from './InboundLogTable'

type Props = { webhook: InboundWebhook; id: string; onGo: (delivery: string | undefined) => void }

export function InboundDeliveryView({ webhook, id, onGo }: Props) {
  const { t } = useTranslation()
  const query = useQuery(inboundDeliveryQuery(webhook.id, id))
  return (
    <Stack gap="md">
      <div>
        <Button
          id="inbound-delivery-back"
          variant="subtle"
          size="compact-sm"
          leftSection={<IconArrowLeft size={14} aria-hidden />}
          onClick={() => onGo(undefined)}
        >
          {t('inboundLog.back')}
        </Button>
      </div>
      {query.isPending && <Loading />}
      {query.error && <Notice id="inbound-delivery-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && <Received delivery={query.data} />}
      {query.data && <Replay webhook={webhook} delivery={query.data} onGo={onGo} />}
    </Stack>
  )
}

function Received({ delivery }: { delivery: InboundDelivery }) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const headers = Object.entries(delivery.request_headers).map(([name, value]) => `${name}: ${String(value)}`)
  return (
    <>
      <Group gap={8}>
        <Result row={delivery} />
        <Text size="sm" component="div">
          <OutcomeText row={delivery} />
        </Text>
      </Group>
      <Facts
        rows={[
          [t('inboundLog.received'), <Time key="at" at={delivery.received_at} />],
          [t('delivery.request'), `${delivery.request_method} ${delivery.request_path}`],
          [t('inboundLog.from'), delivery.source_ip],
          [t('inboundLog.took'), typeof delivery.duration_ms === 'number' ? duration(delivery.duration_ms) : undefined],
          [t('inboundLog.key'), delivery.idempotency_key || undefined],
          [t('inboundLog.id'), <Ident key="id" id={delivery.id} name={t('inboundLog.id')} scope="inbound-delivery" />],
          [
            t('delivery.replayedFrom'),
            delivery.replayed_from ? (
              <Ident key="from" id={delivery.replayed_from} name={t('delivery.replayedFrom')} scope="inbound-delivery" />
            ) : undefined,
          ],
        ]}
      />
      <Title order={3}>{t('verify.headers')}</Title>
      <Code id="inbound-delivery-headers" text={headers.join('\n')} label={t('verify.headers')} />
      {delivery.request_body != null && (
        <>
          <Title order={3}>{t('verify.body')}</Title>
          <Code id="inbound-delivery-body" text={pretty(delivery.request_body)} label={t('verify.body')} />
        </>
      )}
      <Title order={3}>{t('inboundLog.answered', { status: delivery.response_status ?? t('common.none') })}</Title>
      {delivery.response_body && (
        <Code id="inbound-delivery-response" text={pretty(delivery.response_body)} label={t('inboundLog.status')} />
      )}
    </>
  )
}

/** What the configuration of now, and that of then, would make of the same request. */
function Replay({ webhook, delivery, onGo }: { webhook: InboundWebhook; delivery: InboundDelivery; onGo: Props['onGo'] }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const [asked, setAsked] = useState(false)
  const preview = useQuery({ ...replayPreviewQuery(webhook.id, delivery.id), enabled: asked })
  const replay = useReplayInbound(webhook.id, delivery.id)
  if (!may('inbound_webhook:replay') || delivery.auth_status !== 'verified') return null
  const run = (config: 'current' | 'original') =>
    replay.mutate(config, {
      onSuccess: ({ delivery_id }) => [tell(t('inboundLog.replayed')), onGo(delivery_id)],
      onError: tellProblem,
    })
  const found = preview.data
  return (
    <section aria-label={t('inboundLog.replayTitle')}>
      <Title order={3} mb={6}>
        {t('inboundLog.replayTitle')}
      </Title>
      {!asked && (
        <Button id="inbound-replay-preview" variant="default" onClick={() => setAsked(true)}>
          {t('inboundLog.replayPreview')}
        </Button>
      )}
      {asked && preview.isPending && <Loading rows={2} />}
      {preview.error && <Notice id="inbound-replay-problem" error={preview.error} />}
      {found && (
        <Stack gap="sm">
          <Alert role="status" color={found.differences.length > 0 ? 'yellow' : 'gray'} py="xs">
            <Text size="sm">
              {found.differences.length > 0
                ? t('inboundLog.differs', { what: found.differences.join(', ') })
                : t('inboundLog.same')}
            </Text>
          </Alert>
          <Compared current={found.current} original={found.original ?? undefined} />
        </Stack>
      )}
      <Group gap="xs" mt="sm">
        <Button id="inbound-replay-current" loading={replay.isPending} onClick={() => run('current')}>
          {t('inboundLog.replayCurrent')}
        </Button>
        {found?.original && (
          <Button id="inbound-replay-original" variant="default" loading={replay.isPending} onClick={() => run('original')}>
            {t('inboundLog.replayOriginal')}
          </Button>
        )}
      </Group>
    </section>
  )
}

function Compared({ current, original }: { current: InboundPreview; original: InboundPreview | undefined }) {
  const { t } = useTranslation()
  const names = [...new Set([...current.fields, ...(original?.fields ?? [])].filter((each) => each.expression).map(({ name }) => name))]
  const of = (preview: InboundPreview | undefined, name: string) => {
    const field = preview?.fields.find((each) => each.name === name)
    return field?.error?.detail ?? (field?.value === undefined || field.value === null ? t('common.none') : JSON.stringify(field.value))
  }
  return (
    <Table className="rows" aria-label={t('inboundLog.replayTitle')} highlightOnHover={false}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('inboundLog.field')}</Table.Th>
          <Table.Th>{t('inboundLog.now')}</Table.Th>
          {original && <Table.Th>{t('inboundLog.then')}</Table.Th>}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {names.map((name) => (
          <Table.Tr key={name} data-chosen={(original && of(current, name) !== of(original, name)) || undefined}>
            <Table.Td>{name}</Table.Td>
            <Table.Td className="mono">{of(current, name)}</Table.Td>
            {original && <Table.Td className="mono">{of(original, name)}</Table.Td>}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
