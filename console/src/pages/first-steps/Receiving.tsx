// The inbound half: the feature, a webhook, and its first request, which is waited for here.
import { Button, Code as Inline, Group, Stack, Text } from '@mantine/core'
import { IconHourglass } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, useRotateInbound, useSaveInbound } from '../../api/inbound'
import { useIntent } from '../../api/keys'
import { Problem } from '../../api/problem'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Snippet } from '../../ui/Snippet'
import { callInboundCurl } from '../../ui/curl'
import { AnchorLink, ButtonLink } from '../../ui/links'
import { tell, tellProblem } from '../../ui/notify'
import { FeatureNotice } from '../inbound/FeatureNotice'
import { Steps } from './Steps'
import type { Step } from './progress'

/** What the sample webhook does, and what is sent to it: a monitoring's alert becomes a record of the desk. */
const SLUG = 'first-steps'
const MAPPING = { title: 'title' }
const SAMPLE = { title: 'Disk full on db-1', severity: 'high' }

export function Receiving({ steps, webhooks }: { steps: [Step, boolean][]; webhooks: InboundWebhook[] }) {
  const { t } = useTranslation()
  // Its secret was shown to this page alone, and is gone with it.
  const [secret, setSecret] = useState<string>()
  const webhook = webhooks.find(({ slug }) => slug === SLUG) ?? webhooks[0]
  function action(step: Step, done: boolean) {
    if (step === 'feature' && !done) return <FeatureNotice />
    if (step === 'webhook' && !done) return <MakeWebhook onMade={setSecret} />
    if (step === 'received' && !done && webhook) return <Wait webhook={webhook} secret={secret} onSecret={setSecret} />
    if (step === 'received' && webhook) return <Received webhook={webhook} />
    return null
  }
  return <Steps id="receiving" title={t('firstSteps.receiving')} steps={steps} action={action} />
}

function MakeWebhook({ onMade }: { onMade: (secret: string | undefined) => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const save = useSaveInbound(undefined)
  const intent = useIntent()
  function make() {
    const body = {
      name: t('firstSteps.webhook.name'),
      slug: SLUG,
      auth_type: 'bearer',
      auth_config: { type: 'bearer' },
      handler_type: 'direct_action',
      handler_config: { type: 'direct_action', action: 'createTicket', field_mapping: MAPPING },
    } as const
    save.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: (made) => [intent.done(), onMade(made.secret ?? undefined)], onError: tellProblem },
    )
  }
  if (!may('inbound_webhook:create')) return null
  return (
    <Group gap="xs">
      <Button id="first-webhook" loading={save.isPending} onClick={make}>
        {t('firstSteps.webhook.act')}
      </Button>
      <ButtonLink id="first-webhook-own" variant="subtle" to={paths.inbound}>
        {t('firstSteps.webhook.own')}
      </ButtonLink>
    </Group>
  )
}

type WaitProps = { webhook: InboundWebhook; secret: string | undefined; onSecret: (secret: string) => void }

function Wait({ webhook, secret, onSecret }: WaitProps) {
  const { t } = useTranslation()
  const bearer = webhook.auth_type === 'bearer'
  return (
    <Stack gap="xs">
      <Group gap={8} role="status" id="waiting">
        <IconHourglass size={16} aria-hidden />
        <Text size="sm">{t('firstSteps.received.waiting', { name: webhook.name })}</Text>
      </Group>
      <Text size="sm">
        <Inline>{webhook.url}</Inline>
      </Text>
      {bearer && secret && <Send webhook={webhook} secret={secret} />}
      {bearer && !secret && <FreshSecret id={webhook.id} onSecret={onSecret} />}
      {!bearer && <Snippet id="first-request-copy" text={callInboundCurl(webhook)} />}
    </Stack>
  )
}

/** The sample goes the way of every request: from outside, with the secret, to the webhook's own address. */
async function call(url: string, secret: string) {
  const answer = await fetch(new URL(url).pathname, {
    method: 'POST',
    credentials: 'omit',
    headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(SAMPLE),
  })
  if (!answer.ok) throw new Problem(answer.status, (await answer.json().catch(() => ({}))) as never)
}

function Send({ webhook, secret }: { webhook: InboundWebhook; secret: string }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const send = useMutation({
    mutationFn: () => call(webhook.url, secret),
    onSuccess: () => {
      tell(t('firstSteps.received.sent'))
      return queries.invalidateQueries({ queryKey: ['inbound'] })
    },
    onError: tellProblem,
  })
  return (
    <>
      <Snippet id="first-request-copy" text={`SECRET='${secret}'\n${callInboundCurl(webhook)}`} />
      <Group>
        <Button id="send-sample" loading={send.isPending} onClick={() => send.mutate()}>
          {t('firstSteps.received.act')}
        </Button>
      </Group>
    </>
  )
}

function FreshSecret({ id, onSecret }: { id: string; onSecret: (secret: string) => void }) {
  const { t } = useTranslation()
  const rotate = useRotateInbound(id)
  const run = () =>
    rotate.mutate({ overlap_seconds: 0 }, { onSuccess: ({ secret }) => secret && onSecret(secret), onError: tellProblem })
  return (
    <Group gap="xs">
      <Text size="sm" c="dimmed">
        {t('firstSteps.received.lost')}
      </Text>
      <Button id="fresh-secret" variant="default" loading={rotate.isPending} onClick={run}>
        {t('firstSteps.received.fresh')}
      </Button>
    </Group>
  )
}

function Received({ webhook }: { webhook: InboundWebhook }) {
  const { t } = useTranslation()
  const { may } = useSession()
  return (
    <Group gap="md">
      <AnchorLink id="first-log" size="sm" underline="always" to={paths.inbound} search={{ webhook: webhook.id }}>
        {t('firstSteps.received.log')}
      </AnchorLink>
      {may('desk:read') && (
        <AnchorLink id="first-record" size="sm" underline="always" to={paths.tickets} search={{}}>
          {t('firstSteps.received.record')}
        </AnchorLink>
      )}
    </Group>
  )
}
