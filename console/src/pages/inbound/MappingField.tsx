// One field of an action: a fixed value or an expression, with completions from the sample and what it gives.
import { Autocomplete, Group, SegmentedControl, Select, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, client } from '../../api/client'
import type { InboundAction, InboundPreview } from '../../api/inbound'
import { domId } from '../../ui/domId'
import { type Leaf, type Mode, literalOf, modeOf } from './mapping'

type Field = InboundAction['targetFields'][number]
type Props = {
  field: Field
  expression: string
  leaves: Leaf[]
  preview: InboundPreview['fields'][number] | undefined
  onFocus: () => void
  onChange: (expression: string) => void
}

export function MappingField({ field, expression, leaves, preview, onFocus, onChange }: Props) {
  const { t } = useTranslation()
  const known = modeOf(expression)
  const [mode, setMode] = useState<Mode>(expression.trim() === '' ? 'expression' : known.mode)
  const id = domId('map', field.name)
  const wrong = preview?.error?.detail
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap" mb={3}>
        <Text size="sm" fw={500} component="label" htmlFor={id} style={{ overflowWrap: 'anywhere' }}>
          {field.name}
          {field.required && <span aria-hidden> *</span>}{' '}
          <Text span size="xs" c="dimmed">
            {field.type}
          </Text>
        </Text>
        <SegmentedControl
          name={domId('mode', field.name)}
          aria-label={t('inboundForm.modeOf', { field: field.name })}
          size="xs"
          value={mode}
          onChange={(value) => setMode(value === 'static' ? 'static' : 'expression')}
          data={[
            { value: 'expression', label: t('inboundForm.expression') },
            { value: 'static', label: t('inboundForm.static') },
          ]}
        />
      </Group>
      {mode === 'expression' ? (
        <Autocomplete
          id={id}
          aria-label={field.name}
          description={field.description}
          classNames={{ input: 'mono' }}
          value={expression}
          error={wrong}
          data={[...new Set(leaves.map(({ path }) => path))]}
          limit={12}
          onFocus={onFocus}
          onChange={onChange}
        />
      ) : (
        <Fixed id={id} field={field} value={known.mode === 'static' ? known.value : ''} error={wrong} onChange={onChange} />
      )}
      {preview && !wrong && preview.value != null && (
        <Text size="xs" c="dimmed" id={domId('gives', field.name)}>
          {t('inboundForm.gives')} <code className="mono">{JSON.stringify(preview.value)}</code>
        </Text>
      )}
    </div>
  )
}

/** Where the records of a reference are listed, and what they are called. */
const lists = {
  board: ['/api/v1/boards', 'board_name'],
  status: ['/api/v1/statuses', 'name'],
  priority: ['/api/v1/priorities', 'priority_name'],
  category: ['/api/v1/categories', 'category_name'],
  client: ['/api/v1/clients', 'client_name'],
} as const
type Listed = keyof typeof lists
const isListed = (entity: string | null | undefined): entity is Listed => Boolean(entity && entity in lists)

type FixedProps = { id: string; field: Field; value: string; error: string | undefined; onChange: (expression: string) => void }

/** A value that is always the same: picked where there is a list of them, checked against the field's type. */
function Fixed({ id, field, value, error, onChange }: FixedProps) {
  const { t } = useTranslation()
  const [text, setText] = useState(value)
  const entity = field.refEntityType
  const choices = useQuery({
    queryKey: ['references', entity],
    queryFn: async () => {
      if (!isListed(entity)) return []
      const [path, name] = lists[entity]
      const { data } = await answer<{ data: Record<string, unknown>[] }>(client.GET(path, { params: { query: { limit: 100 } } }) as never)
      return data.map((each) => ({ value: String(each.id), label: String(each[name]) }))
    },
    enabled: isListed(entity),
  }).data
  function change(next: string) {
    setText(next)
    const written = literalOf(field.type, next)
    if (written !== undefined) onChange(written)
  }
  const data = field.enumValues && field.enumValues.length > 0 ? field.enumValues : field.type === 'boolean' ? yesNo : choices
  if (data && data.length > 0) {
    return (
      <Select
        id={id}
        aria-label={field.name}
        description={field.description}
        data={data as string[]}
        searchable
        value={text || null}
        error={error}
        onChange={(next) => change(next ?? '')}
      />
    )
  }
  const unfit = literalOf(field.type, text) === undefined ? t('inboundForm.unfit', { type: field.type }) : undefined
  return (
    <TextInput
      id={id}
      aria-label={field.name}
      description={field.description}
      value={text}
      error={unfit ?? error}
      onChange={(event) => change(event.currentTarget.value)}
    />
  )
}

const yesNo = ['true', 'false']
