// A record's fields as inputs, new or there already. Only what was changed is sent, and only if nobody
// else changed the record meanwhile.
import { Alert, Button, Group, SimpleGrid, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, type Given, useSaveRecord } from '../../api/desk'
import { useIntent } from '../../api/keys'
import { Notice } from '../../ui/Notice'
import { tell } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'
import { FieldInput } from './FieldInput'
import { Stale, isStale } from './Stale'
import type { Field, FieldName, Noun } from './nouns'
import { type Values, bodyOf, carriedOver, changesOf, formFields, givenOf, isObject, valuesOf } from './recordValues'

type Props = { noun: Noun; record?: DeskRecord; preset?: Given; onDone: (saved: DeskRecord | undefined) => void }

const broad: Field['kind'][] = ['long', 'object', 'rows']

export function RecordForm({ noun, record, preset, onDone }: Props) {
  const { t } = useTranslation()
  const fields = formFields(noun, record === undefined)
  // The state that the form is about: the newest one that its reader has seen.
  const [base, setBase] = useState(record)
  const [theirs, setTheirs] = useState<FieldName[]>([])
  const intent = useIntent()
  const save = useSaveRecord(noun.key, record?.id)
  const form = useForm<Values>({
    initialValues: valuesOf(fields, record, preset),
    validate: (values) => Object.fromEntries(fields.flatMap((field) => faultOf(field, values[field.name]))),
  })
  const stale = isStale(save.error)
  const rest = useProblems(
    form,
    stale ? null : save.error,
    fields.map(({ name }) => name),
  )

  function faultOf(field: Field, value: unknown): [string, string][] {
    if (field.required && givenOf(field, value) === null) return [[field.name, t('desk.need')]]
    return field.kind === 'object' && !isObject(value) ? [[field.name, t('desk.needObject')]] : []
  }
  const submit = form.onSubmit((values) => {
    const body = base ? changesOf(fields, base, values) : bodyOf(fields, values)
    if (base && Object.keys(body).length === 0) {
      tell(t('desk.unchanged'))
      return onDone(base)
    }
    save.mutate(
      { body, version: base?.version ?? 0, key: intent.keyFor(body) },
      { onSuccess: (saved) => [intent.done(), tell(base ? t('desk.saved') : t('desk.created')), onDone(saved)] },
    )
  })
  function goOn(now: DeskRecord) {
    if (!base) return
    const carried = carriedOver(fields, base, form.values, now)
    form.setValues(carried.values)
    setTheirs(carried.theirs)
    setBase(now)
    save.reset()
  }
  return (
    <form id="record-form" onSubmit={submit} noValidate>
      <Stack gap="sm">
        {stale && base && <Stale noun={noun} id={base.id} onLoaded={goOn} />}
        {theirs.length > 0 && (
          <Alert role="status" color="lake" py="xs">
            {t('desk.theirs', { fields: theirs.map((name) => t(`desk.field.${name}`)).join(', ') })}
          </Alert>
        )}
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="sm">
          {fields.map((field) => (
            <div key={field.name} className={broad.includes(field.kind) ? 'whole-row' : undefined}>
              <FieldInput
                scope="record-form"
                field={field}
                values={form.values}
                value={form.values[field.name]}
                error={form.errors[field.name]}
                onChange={(value) => form.setFieldValue(field.name, value)}
              />
            </div>
          ))}
        </SimpleGrid>
        {rest && <Notice id="record-form-problem" error={save.error} />}
        <Group justify="end">
          <Button id="record-form-cancel" variant="default" onClick={() => onDone(undefined)}>
            {t('common.cancel')}
          </Button>
          <Button id="record-form-submit" type="submit" loading={save.isPending}>
            {t('common.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
