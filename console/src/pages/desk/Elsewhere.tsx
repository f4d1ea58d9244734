// What a record is called in other systems: by that, inbound webhooks find it.
import { ActionIcon, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, type Mapping, mappingsQuery, useMapping } from '../../api/desk'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Copy } from '../../ui/Copy'
import { Notice } from '../../ui/Notice'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { tellProblem } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'
import { CauseLink } from './Origin'
import type { Noun } from './nouns'

export function Elsewhere({ noun, record }: { noun: Noun; record: DeskRecord }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useQuery(mappingsQuery(record.id))
  const rows = query.data?.data ?? []
  return (
    <section aria-label={t('desk.elsewhere.title')}>
      <Text fw={600} size="sm" mb={4}>
        {t('desk.elsewhere.title')}
      </Text>
      {query.error && <Notice id="mappings-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('desk.elsewhere.none')}
        </Text>
      )}
      <Stack gap={4}>
        {rows.map((mapping) => (
          <Name key={mapping.id} mapping={mapping} writes={may('desk:write')} />
        ))}
      </Stack>
      {may('desk:write') && <Link noun={noun} id={record.id} />}
    </section>
  )
}

function Name({ mapping, writes }: { mapping: Mapping; writes: boolean }) {
  const { t } = useTranslation()
  const { unlink } = useMapping()
  const { integration_type, external_entity_id, last_synced_at } = mapping
  const cause = (mapping.metadata as { inbound_delivery_id?: unknown }).inbound_delivery_id
  return (
    <Group gap={6}>
      <Text size="sm" c="dimmed" component="span">
        {integration_type}
      </Text>
      <code className="mono">{external_entity_id}</code>
      <Copy id={domId('copy', mapping.id)} text={external_entity_id} what={external_entity_id} />
      {last_synced_at && (
        <Text size="xs" c="dimmed" component="span">
          <Time at={last_synced_at} />
        </Text>
      )}
      {typeof cause === 'string' && <CauseLink cause={cause} scope={mapping.id} />}
      {writes && (
        <ActionIcon
          id={domId('unlink', mapping.id)}
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={t('desk.elsewhere.remove', { id: external_entity_id, integration: integration_type })}
          loading={unlink.isPending}
          onClick={() => unlink.mutate(mapping.id, { onError: tellProblem })}
        >
          <IconX size={14} aria-hidden />
        </ActionIcon>
      )}
    </Group>
  )
}

const fields = ['integration_type', 'external_entity_id'] as const

function Link({ noun, id }: { noun: Noun; id: string }) {
  const { t } = useTranslation()
  const { link } = useMapping()
  const intent = useIntent()
  const form = useForm({
    initialValues: { integration_type: '', external_entity_id: '' },
    validate: Object.fromEntries(fields.map((name) => [name, (value: string) => (value.trim() ? null : t('desk.need'))])),
  })
  const rest = useProblems(form, link.error, fields)
  const submit = form.onSubmit(({ integration_type, external_entity_id }) => {
    const body = {
      integration_type: integration_type.trim(),
      external_entity_id: external_entity_id.trim(),
      alga_entity_type: noun.kind,
      alga_entity_id: id,
    }
    link.mutate({ ...body, key: intent.keyFor(body) }, { onSuccess: () => [intent.done(), form.reset()] })
  })
  return (
    <form id="mapping-form" onSubmit={submit} noValidate>
      <Group gap="xs" mt="xs" align="end">
        <TextInput id="mapping-integration" size="xs" label={t('desk.elsewhere.integration')} {...form.getInputProps('integration_type')} />
        <TextInput id="mapping-external" size="xs" label={t('desk.elsewhere.external')} {...form.getInputProps('external_entity_id')} />
        <Button id="mapping-submit" type="submit" variant="default" loading={link.isPending}>
          {t('desk.elsewhere.add')}
        </Button>
      </Group>
      {rest && <Notice id="mapping-problem" error={link.error} />}
    </form>
  )
}
