// What a list is narrowed to. It stands in the address, so that a narrowed list can be sent to somebody.
import { Button, Group, NativeSelect, TextInput } from '@mantine/core'
import { lazy, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { RecordFilter } from '../../api/desk'
import { Later } from '../../ui/Later'
import { domId } from '../../ui/domId'
import { type Field, type Noun, filtersOf } from './nouns'

const Picker = lazy(() => import('./Picker').then((loaded) => ({ default: loaded.Picker })))
const WAIT_MS = 350
const FIRST = 2

type Props = { noun: Noun; filter: RecordFilter; onChange: (filter: RecordFilter) => void }

export function DeskFilters({ noun, filter, onChange }: Props) {
  const { t } = useTranslation()
  const [all, setAll] = useState(false)
  const offered = filtersOf(noun)
  // What narrows the list is always shown.
  const shown = offered.filter(({ name }, place) => all || place < (noun.first ?? FIRST) || filter[name])
  const hidden = offered.length - shown.length
  const set = (name: string, value: string | undefined) => {
    const rest = Object.fromEntries(Object.entries(filter).filter(([key]) => key !== name))
    onChange(value ? { ...rest, [name]: value } : rest)
  }
  return (
    <search>
      <Group gap="sm" align="end">
        <Typed name="q" label={t('desk.search')} value={filter.q} onChange={set} />
        {shown.map((field) => (
          <FilterInput key={field.name} field={field} filter={filter} onChange={set} />
        ))}
        {(all || filter.external_id) && (
          <Typed
            name="external_id"
            label={t('desk.externalId')}
            value={filter.external_id}
            onChange={set}
          />
        )}
        {(all || hidden > 0 || !filter.external_id) && (
          <Button id="records-filter-more" variant="subtle" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? t('desk.fewerFilters') : t('desk.moreFilters')}
          </Button>
        )}
        {Object.keys(filter).length > 0 && (
          <Button id="records-filter-clear" variant="subtle" onClick={() => onChange({})}>
            {t('desk.clear')}
          </Button>
        )}
      </Group>
    </search>
  )
}

type InputProps = { field: Field; filter: RecordFilter; onChange: (name: string, value: string | undefined) => void }

function FilterInput({ field, filter, onChange }: InputProps) {
  const { t } = useTranslation()
  const id = domId('records-filter', field.name)
  const label = t(`desk.field.${field.name}`)
  const value = filter[field.name]
  const any = { value: '', label: t('desk.any') }
  if (field.kind === 'flag' || field.kind === 'word') {
    const words = field.kind === 'flag' ? flags.map((word) => ({ value: word, label: t(word === 'true' ? 'desk.yes' : 'desk.no') })) : field.words?.map((word) => ({ value: word, label: t(`desk.word.${word}`) }))
    return (
      <NativeSelect
        id={id}
        label={label}
        value={value ?? ''}
        onChange={(event) => onChange(field.name, event.currentTarget.value || undefined)}
        data={[any, ...(words ?? [])]}
      />
    )
  }
  if (field.kind === 'reference' || field.kind === 'user') {
    return (
      <Later when>
        <Picker
          id={id}
          size="xs"
          label={label}
          field={field}
          value={value ?? null}
          filter={within(field, filter)}
          onChange={(chosen) => onChange(field.name, chosen ?? undefined)}
        />
      </Later>
    )
  }
  return <Typed name={field.name} label={label} value={value} onChange={onChange} />
}

const flags = ['true', 'false'] as const

/** What a picker offers only, given what is chosen beside it. */
export function within(field: Field, values: Record<string, unknown>): RecordFilter {
  return Object.fromEntries(
    Object.entries(field.within ?? {}).flatMap(([filter, by]) => {
      const value = values[by]
      return typeof value === 'string' && value ? [[filter, value]] : []
    }),
  )
}

type TypedProps = {
  name: string
  label: string
  value: string | undefined
  onChange: (name: string, value: string | undefined) => void
}

/** Looks for what is typed when nothing more is. */
function Typed({ name, label, value, onChange }: TypedProps) {
  const [text, setText] = useState(value ?? '')
  const [seen, setSeen] = useState(value)
  // Narrowed from elsewhere: by clearing, or by going back. What is being typed meanwhile stays.
  if (value !== seen) {
    setSeen(value)
    if (!value || !text.trim().startsWith(value)) setText(value ?? '')
  }
  const timer = useRef<number>(undefined)
  useEffect(() => {
    return () => clearTimeout(timer.current)
  }, [])
  // The library's own hook would bring its floating windows along.
  function type(next: string) {
    setText(next)
    clearTimeout(timer.current)
    timer.current = window.setTimeout(() => onChange(name, next.trim() || undefined), WAIT_MS)
  }
  return (
    <TextInput
      id={domId('records-filter', name)}
      size="xs"
      label={label}
      value={text}
      onChange={(event) => type(event.currentTarget.value)}
    />
  )
}
