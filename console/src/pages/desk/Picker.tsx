// One record, or one person, chosen by name. The server is asked for those whose name begins with what is typed.
import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type NounKey, type RecordFilter, choicesQuery } from '../../api/desk'
import { useSession } from '../../api/session'
import { type Field, titleOf } from './nouns'
import { nouns } from './setup'
import { useName, usePeople } from './useName'

type Props = {
  id: string
  label: string
  field: Pick<Field, 'kind' | 'to' | 'required'>
  value: string | null
  filter?: RecordFilter
  size?: 'xs' | 'sm'
  error?: React.ReactNode
  disabled?: boolean
  onChange: (id: string | null) => void
}

export function Picker(props: Props) {
  if (props.field.kind === 'user') return <PersonPicker {...props} />
  return props.field.to ? <RecordPicker {...props} noun={props.field.to} /> : null
}

function RecordPicker({ noun, field, value, filter = {}, onChange, ...input }: Props & { noun: NounKey }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [opened, setOpened] = useState(false)
  const [wanted] = useDebouncedValue(typed.trim(), 250)
  const description = nouns[noun]
  const query = useQuery({
    ...choicesQuery(noun, { ...filter, ...(wanted ? { q: wanted } : {}) }),
    enabled: opened,
    placeholderData: (before) => before,
  })
  const found = (query.data ?? []).map((record) => ({ value: record.id, label: titleOf(description, record) }))
  const name = useName(noun, value)
  const known = value === null || found.some((each) => each.value === value)
  return (
    <Select
      {...input}
      data={unique(known ? found : [{ value, label: name ?? value }, ...found])}
      value={value}
      onChange={onChange}
      searchable
      clearable={!field.required && value !== null}
      withAsterisk={input.size === 'xs' ? undefined : field.required}
      onSearchChange={setTyped}
      onDropdownOpen={() => [setTyped(''), setOpened(true)]}
      // The server has chosen already.
      filter={({ options }) => options}
      placeholder={t('desk.pick')}
      nothingFoundMessage={t('desk.nothingFound')}
      clearButtonProps={{ id: `${input.id}-clear`, 'aria-label': t('desk.clear') }}
      comboboxProps={{ withinPortal: true }}
    />
  )
}

/** Two records may have one name: each is offered, told apart by its id. */
function unique(data: { value: string; label: string }[]) {
  const seen = new Map<string, number>()
  for (const { label } of data) seen.set(label, (seen.get(label) ?? 0) + 1)
  return data.map(({ value, label }) => ({ value, label: (seen.get(label) ?? 0) > 1 ? `${label} (${value.slice(-6)})` : label }))
}

function PersonPicker({ id, label, field, value, size, error, disabled, onChange }: Props) {
  const { t } = useTranslation()
  const { session } = useSession()
  const { me, all } = usePeople()
  const known = value && !all.some(([id]) => id === value) ? [[value, value] as const, ...all] : all
  const data = known.map(([id, name]) => ({ value: id, label: id === me ? t('desk.me', { name: session.name ?? name }) : name }))
  return (
    <Select
      {...{ id, label, size, error, disabled, value, onChange }}
      data={unique(data)}
      searchable
      clearable={!field.required && value !== null}
      withAsterisk={size === 'xs' ? undefined : field.required}
      placeholder={t('desk.pick')}
      nothingFoundMessage={t('desk.nothingFound')}
      clearButtonProps={{ id: `${id}-clear`, 'aria-label': t('desk.clear') }}
      comboboxProps={{ withinPortal: true }}
    />
  )
}
