import { Table } from '@mantine/core'
import { IconCircleCheck, IconPlayerPause } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { InboundWebhook } from '../../api/inbound'
import { paths } from '../../paths'
import { Copy } from '../../ui/Copy'
import { Mark } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { useNarrow } from '../../ui/useNarrow'

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
              {row.is_active ? (
                <Mark tone="teal" icon={IconCircleCheck}>
                  {t('inbound.isActive')}
                </Mark>
              ) : (
                <Mark tone="gray" icon={IconPlayerPause}>
                  {t('inbound.isInactive')}
                </Mark>
              )}
            </Table.Td>
            <Table.Td className="middling">
              {row.last_delivery_at ? <Time at={row.last_delivery_at} /> : t('inbound.never')}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function useAuthName() {
  const { t } = useTranslation()
  const names: Record<string, string> = {
    hmac_sha256: t('inbound.auth_hmac_sha256'),
    bearer: t('inbound.auth_bearer'),
    ip_allowlist: t('inbound.auth_ip_allowlist'),
    path_token: t('inbound.auth_path_token'),
  }
  return ({ auth_type }: InboundWebhook) => names[auth_type] ?? auth_type
}

function useHandlerName() {
  const { t } = useTranslation()
  return ({ handler_type, handler_config }: InboundWebhook) => {
    if (handler_config) return t('inbound.handler_action', { action: handler_config.action })
    return handler_type === 'workflow' ? t('inbound.handler_workflow') : t('inbound.handler_none')
  }
}
