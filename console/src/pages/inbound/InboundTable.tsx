import { Badge, Switch, Table } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, useSetActive } from '../../api/inbound'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Copy } from '../../ui/Copy'
import { Later } from '../../ui/Later'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { tellProblem } from '../../ui/notify'
import { useNarrow } from '../../ui/useNarrow'

const RowMenu = lazy(() => import('./RowMenu').then((loaded) => ({ default: loaded.RowMenu })))

export function InboundTable({ rows, chosen }: { rows: InboundWebhook[]; chosen: string | undefined }) {
  const { t } = useTranslation()
  const narrow = useNarrow()
  const auth = useAuthName()
  const handler = useHandlerName()
  return (
    <Table className="rows" aria-label={t('inbound.table')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('inbound.name')}</Table.Th>
          <Table.Th className="middling">{t('inbound.url')}</Table.Th>
          <Table.Th className="wide">{t('inbound.auth')}</Table.Th>
          <Table.Th className="wide">{t('inbound.handler')}</Table.Th>
          <Table.Th>{t('inbound.active')}</Table.Th>
          <Table.Th className="middling">{t('inbound.last')}</Table.Th>
          <Table.Th>
            <span className="unseen">{t('destination.more')}</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id} data-chosen={row.id === chosen || undefined}>
            <Table.Td>
              <Link id={domId('open', row.id)} className="opener" to={paths.inbound} search={{ webhook: row.id }}>
                {row.name}
              </Link>
              {narrow && <code className="narrow mono">{row.url}</code>}
            </Table.Td>
            <Table.Td className="middling">
              <span className="address">
                <code className="mono">{row.url}</code>
                <span className="above">
                  <Copy id={domId('copy-url', row.id)} text={row.url} what={t('inbound.urlOf', { name: row.name })} />
                </span>
              </span>
            </Table.Td>
            <Table.Td className="wide">{auth(row)}</Table.Td>
            <Table.Td className="wide">{handler(row)}</Table.Td>
            <Table.Td>
              <span className="above">
                <ActiveSwitch webhook={row} />
              </span>
              {row.auto_disabled_at && (
                <Badge color="red" size="xs">
                  {t('inbound.autoDisabled')}
                </Badge>
              )}
            </Table.Td>
            <Table.Td className="middling">
              {row.last_delivery_at ? <Time at={row.last_delivery_at} /> : t('inbound.never')}
            </Table.Td>
            <Table.Td w={44}>
              <span className="above">
                <Later when>
                  <RowMenu webhook={row} />
                </Later>
              </span>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function ActiveSwitch({ webhook: { id, name, is_active } }: { webhook: InboundWebhook }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const set = useSetActive(id)
  return (
    <Switch
      id={domId('active', id)}
      size="sm"
      aria-label={t('inbound.activeOf', { name })}
      checked={is_active}
      disabled={!may('inbound_webhook:update') || set.isPending}
      onChange={(event) => set.mutate(event.currentTarget.checked, { onError: tellProblem })}
    />
  )
}

function useAuthName() {
  const { t } = useTranslation()
  const names: Record<string, string> = {
    hmac_sha256: t('inbound.auth_hmac_sha256'),
    bearer: t('inbound.auth_bearer'),
    ip_allowlist: t('inbound.auth_ip_allowlist'),
    path_token: t('inbound.auth_path_token'),
    static_header: t('inboundForm.auth_static_header'),
    basic: t('inboundForm.auth_basic'),
    body_field: t('inboundForm.auth_body_field'),
    signature: t('inboundForm.auth_signature'),
    preset: t('inboundForm.auth_preset'),
  }
  return ({ auth_type }: InboundWebhook) => names[auth_type] ?? auth_type
}

function useHandlerName() {
  const { t } = useTranslation()
  return ({ handler_type, handler_config }: InboundWebhook) => {
    if (handler_config?.type === 'direct_action') {
      const actions = handler_config.rules?.map((rule) => rule.action) ?? [handler_config.action ?? '']
      return t('inbound.handler_action', { action: [...new Set(actions)].join(', ') })
    }
    return handler_type === 'workflow' ? t('inbound.handler_workflow') : t('inbound.handler_none')
  }
}
