// Registering an event type, and changing one.
import { Button, Group, JsonInput, NumberInput, Stack, Switch, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'

import { type EventType, useSaveEventType } from '../../api/events'
import { useIntent } from '../../api/keys'
import { pretty } from '../../ui/Code'
import { Notice } from '../../ui/Notice'
import { examples } from '../../ui/examples'
import { tell } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'

const fields = ['name', 'description', 'group_name', 'schema', 'example', 'version'] as const
const jsonOf = (text: string): unknown => (text.trim() ? JSON.parse(text) : null)
const isJson = (text: string) => {
  try {
    jsonOf(text)
    return true
  } catch {
    return false
  }
}

export function TypeForm({ type, onDone }: { type?: EventType; onDone: () => void }) {
  const { t } = useTranslation()
  const intent = useIntent()
  const save = useSaveEventType(type?.id ?? undefined)
  const form = useForm({
    initialValues: {
      name: type?.name ?? '',
      description: type?.description ?? '',
      group_name: type?.group_name ?? '',
      schema: type?.schema == null ? '' : pretty(type.schema),
      example: type?.example == null ? '' : pretty(type.example),
      archived: type?.archived ?? false,
      version: type?.version ?? 1,
    },
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      schema: (value) => (isJson(value) ? null : t('common.noJson')),
      example: (value) => (isJson(value) ? null : t('common.noJson')),
    },
  })
  const rest = useProblems(form, save.error, fields)
  const submit = form.onSubmit(({ schema, example, group_name, ...values }) => {
    const body = { ...values, group_name: group_name.trim() || null, schema: jsonOf(schema), example: jsonOf(example) }
    save.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: () => [intent.done(), tell(t('destinationForm.saved')), onDone()] },
    )
  })
  return (
    <form id="event-type-form" onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          id="event-type-name"
          label={t('events.type')}
          placeholder={examples.type}
          disabled={type !== undefined}
          {...form.getInputProps('name')}
        />
        <TextInput id="event-type-description" label={t('eventTypes.description')} {...form.getInputProps('description')} />
        <TextInput id="event-type-group" label={t('eventTypes.group')} {...form.getInputProps('group_name')} />
        <NumberInput id="event-type-version" label={t('eventTypes.version')} hideControls {...form.getInputProps('version')} />
        <JsonInput
          id="event-type-schema-input"
          label={t('eventTypes.schema')}
          description={t('eventTypes.schemaHint')}
          autosize
          minRows={4}
          maxRows={16}
          classNames={{ input: 'mono' }}
          {...form.getInputProps('schema')}
        />
        <JsonInput
          id="event-type-example-input"
          label={t('eventTypes.example')}
          autosize
          minRows={3}
          maxRows={12}
          classNames={{ input: 'mono' }}
          {...form.getInputProps('example')}
        />
        <Switch
          id="event-type-archived"
          label={t('eventTypes.archived')}
          {...form.getInputProps('archived', { type: 'checkbox' })}
        />
        {rest && <Notice id="event-type-problem" error={save.error} />}
        <Group justify="end">
          <Button id="event-type-cancel" variant="default" onClick={onDone}>
            {t('common.cancel')}
          </Button>
          <Button id="event-type-submit" type="submit" loading={save.isPending}>
            {t('common.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
