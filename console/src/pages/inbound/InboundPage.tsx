// Settings of webhooks: what comes in, and what goes out.
import { Button, Group, Tabs } from '@mantine/core'
import { IconPlugConnected, IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type CreatedInbound, inboundQuery } from '../../api/inbound'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { createInboundCurl } from '../../ui/curl'

const ConnectSender = lazy(() => import('./Adding').then((loaded) => ({ default: loaded.ConnectSender })))
const FeatureNotice = lazy(() => import('./FeatureNotice').then((loaded) => ({ default: loaded.FeatureNotice })))
const NewInbound = lazy(() => import('./Adding').then((loaded) => ({ default: loaded.NewInbound })))
const InboundTable = lazy(() => import('./InboundTable').then((loaded) => ({ default: loaded.InboundTable })))
const InboundPanel = lazy(() => import('./InboundPanel').then((loaded) => ({ default: loaded.InboundPanel })))
const SecretOnce = lazy(() => import('../../ui/SecretOnce').then((loaded) => ({ default: loaded.SecretOnce })))
const OutboundTab = lazy(() => import('./OutboundTab').then((loaded) => ({ default: loaded.OutboundTab })))

/** `add` opens the wizard: other pages lead there. */
export type InboundSearch = { tab?: 'outbound'; webhook?: string; delivery?: string; add?: 'sender' }

export function InboundPage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const { tab, webhook, delivery, add }: InboundSearch = useSearch({ from: '/shell/settings/webhooks' })
  const navigate = useNavigate()
  const go = (search: InboundSearch) => void navigate({ to: paths.inbound, search })
  return (
    <Page title={t('webhooks.title')} lead={t('webhooks.lead')}>
      <Tabs
        id="webhooks-tabs"
        value={tab ?? 'inbound'}
        keepMounted={false}
        onChange={(next) => go(next === 'outbound' ? { tab: 'outbound' } : {})}
      >
        <Tabs.List mb="md" aria-label={t('webhooks.title')}>
          <Tabs.Tab value="inbound">{t('nav.inbound')}</Tabs.Tab>
          {may('destination:read') && <Tabs.Tab value="outbound">{t('nav.outbound')}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="inbound">
          <Inbound chosen={webhook} adding={add === 'sender'} go={go} />
        </Tabs.Panel>
        <Tabs.Panel value="outbound">
          <Later when wait>
            <OutboundTab />
          </Later>
        </Tabs.Panel>
      </Tabs>
      <Later when={webhook !== undefined}>
        <InboundPanel
          id={webhook}
          delivery={delivery}
          onDelivery={(next) => go({ webhook, ...(next ? { delivery: next } : {}) })}
          onClose={() => go({})}
        />
      </Later>
    </Page>
  )
}

type Props = { chosen: string | undefined; adding: boolean; go: (search: InboundSearch) => void }

function Inbound({ chosen, adding, go }: Props) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const query = useInfiniteQuery(inboundQuery)
  const [making, setMaking] = useState(false)
  const [made, setMade] = useState<CreatedInbound>()
  return (
    <div className="page">
      <Later when={!session.features.inbound_webhooks_enabled}>{!session.features.inbound_webhooks_enabled && <FeatureNotice />}</Later>
      <Group justify="space-between">
        <Refresh id="inbound-refresh" of={[query]} kinds={['inbound']} />
        {may('inbound_webhook:create') && (
          <Group gap="xs">
            <Button id="inbound-new" variant="default" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setMaking(true)}>
              {t('inboundForm.new')}
            </Button>
            <Button id="inbound-connect" leftSection={<IconPlugConnected size={15} aria-hidden />} onClick={() => go({ add: 'sender' })}>
              {t('wizard.begin')}
            </Button>
          </Group>
        )}
      </Group>
      {made?.secret && (
        <Later when wait>
          <SecretOnce
            name={made.name}
            secret={made.secret}
            title={t('inboundForm.secretTitle', { name: made.name })}
            lead={t('inboundForm.secretLead')}
            onStored={() => setMade(undefined)}
          />
        </Later>
      )}
      <Listing
        id="inbound"
        of={query}
        empty={
          <Empty id="create-inbound-curl" title={t('inbound.emptyTitle')} text={t('inbound.empty')} curl={createInboundCurl()} />
        }
      >
        {(rows) => (
          <Later when wait>
            <InboundTable rows={rows} chosen={chosen} />
          </Later>
        )}
      </Listing>
      <Later when={making}>
        <NewInbound opened={making} onClose={() => setMaking(false)} onMade={(saved) => [setMaking(false), setMade(saved)]} />
      </Later>
      {may('inbound_webhook:create') && (
        <Later when={adding}>
          <ConnectSender opened={adding} onClose={() => go({})} onDone={(webhook) => go({ webhook })} />
        </Later>
      )}
    </div>
  )
}
