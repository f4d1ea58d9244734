// The catalogue of what may be published: what each type means, and the shape of its payload.
import { Badge, Button, Group, Stack, Table, Text } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type EventType, eventTypesQuery, useDeleteEventType } from '../../api/events'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Code, pretty } from '../../ui/Code'
import { Confirm } from '../../ui/Confirm'
import { Empty } from '../../ui/Empty'
import { Facts } from '../../ui/Facts'
import { Later } from '../../ui/Later'
import { Listing } from '../../ui/Listing'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { domId } from '../../ui/domId'
import { tell, tellProblem } from '../../ui/notify'

const TypeForm = lazy(() => import('./TypeForm').then((loaded) => ({ default: loaded.TypeForm })))

export function EventTypesPage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const { name } = useSearch({ from: '/shell/event-types' })
  const navigate = useNavigate()
  const query = useInfiniteQuery(eventTypesQuery)
  const [making, setMaking] = useState(false)
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  const chosen = rows.find((row) => row.name === name)
  const close = () => void navigate({ to: paths.eventTypes, search: {} })
  return (
    <Page
      title={t('eventTypes.title')}
      lead={t('eventTypes.lead')}
      tools={
        <Group gap="sm">
          <Refresh id="event-types-refresh" of={[query]} kinds={['event-types']} />
          {may('event_type:write') && (
            <Button id="event-type-new" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setMaking(true)}>
              {t('eventTypes.new')}
            </Button>
          )}
        </Group>
      }
    >
      <Listing id="event-types" of={query} empty={<Empty id="event-types-empty" text={t('eventTypes.empty')} />}>
        {(found) => <Types rows={found} chosen={name} />}
      </Listing>
      <SidePanel id="event-type-panel" title={chosen?.name ?? ''} opened={chosen !== undefined} onClose={close}>
        {chosen && <TypeView key={chosen.name} type={chosen} onGone={close} />}
      </SidePanel>
      <SidePanel id="new-event-type" title={t('eventTypes.new')} opened={making} onClose={() => setMaking(false)}>
        <Later when={making} wait>
          <TypeForm onDone={() => setMaking(false)} />
        </Later>
      </SidePanel>
    </Page>
  )
}

function Types({ rows, chosen }: { rows: EventType[]; chosen: string | undefined }) {
  const { t } = useTranslation()
  return (
    <Table className="rows" aria-label={t('eventTypes.title')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('events.type')}</Table.Th>
          <Table.Th className="middling">{t('eventTypes.description')}</Table.Th>
          <Table.Th className="wide">{t('eventTypes.group')}</Table.Th>
          <Table.Th>{t('eventTypes.version')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.name} data-chosen={row.name === chosen || undefined}>
            <Table.Td>
              <Link id={domId('open', row.name)} className="opener" to={paths.eventTypes} search={{ name: row.name }}>
                {row.name}
              </Link>{' '}
              <Marks type={row} />
            </Table.Td>
            <Table.Td className="middling">
              <Text size="sm" lineClamp={2}>
                {row.description}
              </Text>
            </Table.Td>
            <Table.Td className="wide">{row.group_name}</Table.Td>
            <Table.Td>{row.version}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Marks({ type }: { type: EventType }) {
  const { t } = useTranslation()
  return (
    <>
      {type.built_in && (
        <Badge color="gray" size="xs">
          {t('eventTypes.builtIn')}
        </Badge>
      )}
      {type.archived && (
        <Badge color="gray" size="xs">
          {t('eventTypes.archived')}
        </Badge>
      )}
    </>
  )
}

function TypeView({ type, onGone }: { type: EventType; onGone: () => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const [editing, setEditing] = useState(false)
  const [asking, setAsking] = useState(false)
  const remove = useDeleteEventType()
  const { id } = type
  if (editing) {
    return (
      <Later when wait>
        <TypeForm type={type} onDone={() => setEditing(false)} />
      </Later>
    )
  }
  const run = () => id && remove.mutate(id, { onSuccess: () => [tell(t('eventTypes.deleted')), onGone()], onError: tellProblem })
  return (
    <Stack gap="md">
      <Facts
        rows={[
          [t('eventTypes.description'), type.description || undefined],
          [t('eventTypes.group'), type.group_name || undefined],
          [t('eventTypes.version'), type.version],
        ]}
      />
      {type.schema != null && <Code id="event-type-schema" text={pretty(type.schema)} label={t('eventTypes.schema')} />}
      {type.example != null && <Code id="event-type-example" text={pretty(type.example)} label={t('eventTypes.example')} />}
      {may('event_type:write') && id && (
        <Group gap="xs">
          <Button id="event-type-edit" variant="default" onClick={() => setEditing(true)}>
            {t('destination.edit')}
          </Button>
          <Button id="event-type-delete" variant="default" onClick={() => setAsking(true)}>
            {t('destination.delete')}
          </Button>
        </Group>
      )}
      <Confirm
        id="delete-event-type"
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('destination.deleteTitle', { name: type.name })}
        text={t('eventTypes.deleteLead')}
        act={t('destination.delete')}
        danger
        busy={remove.isPending}
        onAct={run}
      />
    </Stack>
  )
}

