// Which assets a ticket is about.
import { ActionIcon, Group, Stack, Text } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type Association, associationsQuery, useAssociation } from '../../api/desk'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import { tellProblem } from '../../ui/notify'
import { Picker } from './Picker'
import { RecordLink } from './RecordLink'
import { useName } from './useName'

const asset = { kind: 'reference', to: 'assets' } as const

export function AssetLinks({ ticket }: { ticket: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useQuery(associationsQuery({ ticket_id: ticket }))
  const rows = query.data?.data ?? []
  const { link } = useAssociation()
  const intent = useIntent()
  function add(asset_id: string | null) {
    if (!asset_id) return
    const body = { asset_id, ticket_id: ticket }
    link.mutate({ ...body, key: intent.keyFor(body) }, { onSuccess: intent.done, onError: tellProblem })
  }
  return (
    <section aria-label={t('desk.links.title')}>
      <Text fw={600} size="sm" mb={4}>
        {t('desk.links.title')}
      </Text>
      {query.error && <Notice id="links-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('desk.noneRelated')}
        </Text>
      )}
      <Stack gap={2}>
        {rows.map((row) => (
          <Linked key={row.id} row={row} writes={may('desk:write')} />
        ))}
      </Stack>
      {may('desk:write') && (
        <Picker id="link-asset" size="xs" label={t('desk.links.add')} field={asset} value={null} onChange={add} />
      )}
    </section>
  )
}

function Linked({ row, writes }: { row: Association; writes: boolean }) {
  const { t } = useTranslation()
  const { unlink } = useAssociation()
  const name = useName('assets', row.asset_id) ?? row.asset_id
  return (
    <Group gap={6}>
      <RecordLink noun="assets" id={row.asset_id} name={name} scope={domId('link', row.id)} />
      <Text size="xs" c="dimmed" component="span">
        {t('desk.links.relationship', { word: row.relationship_type })}
      </Text>
      {writes && (
        <ActionIcon
          id={domId('unlink', row.id)}
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={t('desk.links.remove', { name })}
          loading={unlink.isPending}
          onClick={() => unlink.mutate(row.id, { onError: tellProblem })}
        >
          <IconX size={14} aria-hidden />
        </ActionIcon>
      )}
    </Group>
  )
}
