// Who is told when something needs a person: by mail, Slack or Teams.
import { Badge, Button, Group, Table, Text } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { lazy, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Notification, notificationsQuery } from '../../api/notifications'
import { useSession } from '../../api/session'
import { Empty } from '../../ui/Empty'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { valuesOf } from './notificationValues'

const RuleForm = lazy(() => import('./RuleForm').then((loaded) => ({ default: loaded.RuleForm })))

export function NotificationsPage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useInfiniteQuery(notificationsQuery)
  const [editing, setEditing] = useState<Notification | 'new'>()
  const close = () => setEditing(undefined)
  return (
    <Page
      title={t('notifications.title')}
      lead={t('notifications.lead')}
      tools={
        <Group gap="sm">
          <Refresh id="notifications-refresh" of={[query]} kinds={['notifications']} />
          {may('notification:write') && (
            <Button id="notification-new" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setEditing('new')}>
              {t('notifications.new')}
            </Button>
          )}
        </Group>
      }
    >
      <Listing
        id="notifications"
        of={query}
        empty={<Empty id="notifications-empty" title={t('notifications.emptyTitle')} text={t('notifications.empty')} />}
      >
        {(rows) => <Rules rows={rows} onEdit={may('notification:write') ? setEditing : undefined} />}
      </Listing>
      <SidePanel
        id="notification-panel"
        title={editing === 'new' ? t('notifications.new') : (editing?.name ?? '')}
        opened={editing !== undefined}
        onClose={close}
      >
        {editing && (
          <Later when wait>
            <RuleForm key={editing === 'new' ? 'new' : editing.id} rule={editing === 'new' ? undefined : editing} onDone={close} />
          </Later>
        )}
      </SidePanel>
    </Page>
  )
}

function Rules({ rows, onEdit }: { rows: Notification[]; onEdit: ((rule: Notification) => void) | undefined }) {
  const { t } = useTranslation()
  return (
    <Table className="rows" aria-label={t('notifications.title')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('people.name')}</Table.Th>
          <Table.Th className="middling">{t('notifications.channel')}</Table.Th>
          <Table.Th className="middling">{t('notifications.triggers')}</Table.Th>
          <Table.Th>{t('people.state')}</Table.Th>
          <Table.Th className="wide">{t('notifications.last')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => {
          const values = valuesOf(row)
          return (
            <Table.Tr key={row.id}>
              <Table.Td>
                {onEdit ? (
                  <button id={domId('edit', row.id)} type="button" className="opener plain" onClick={() => onEdit(row)}>
                    {row.name}
                  </button>
                ) : (
                  row.name
                )}
              </Table.Td>
              <Table.Td className="middling">{t(`notifications.channel_${values.channel}`)}</Table.Td>
              <Table.Td className="middling">
                {values.triggers.map((trigger) => t(`notifications.trigger_${trigger}`)).join(', ')}
              </Table.Td>
              <Table.Td>
                <Badge color={row.enabled ? 'teal' : 'gray'}>
                  {row.enabled ? t('inbound.isActive') : t('inbound.isInactive')}
                </Badge>
              </Table.Td>
              <Table.Td className="wide">
                {row.last_sent_at ? <Time at={row.last_sent_at} /> : t('inbound.never')}
                {row.last_error && (
                  <Text size="xs" c="red">
                    {row.last_error}
                  </Text>
                )}
              </Table.Td>
            </Table.Tr>
          )
        })}
      </Table.Tbody>
    </Table>
  )
}

