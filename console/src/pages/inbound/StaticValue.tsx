// A value that is always the same: picked where there is a list of them, checked against the field's type.
import { Select, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { InboundAction } from '../../api/inbound'
import { type Referenced, isReferenced, referenceQuery, referencesQuery } from '../../api/references'
import { literalOf } from './mapping'

type Field = InboundAction['targetFields'][number]
type Props = { id: string; field: Field; value: string; error: string | undefined; onChange: (expression: string) => void }

const SEARCH_MS = 200
const yesNo = ['true', 'false']

export function StaticValue({ id, field, value, error, onChange }: Props) {
  const { t } = useTranslation()
  const [text, setText] = useState(value)
  function change(next: string) {
    setText(next)
    const written = literalOf(field.type, next)
    if (written !== undefined) onChange(written)
  }
  const shared = { id, 'aria-label': field.name, description: field.description, error }
  if (isReferenced(field.refEntityType)) {
    return <Reference {...shared} entity={field.refEntityType} value={text} onChange={change} />
  }
  const data = field.enumValues && field.enumValues.length > 0 ? field.enumValues : field.type === 'boolean' ? yesNo : []
  if (data.length > 0) {
    return (
      <Select
        {...shared}
        data={data}
        searchable
        clearable
        clearButtonProps={{ id: `${id}-clear`, 'aria-label': t('deliveries.clear') }}
        value={text || null}
        onChange={(next) => change(next ?? '')}
      />
    )
  }
  const unfit = literalOf(field.type, text) === undefined ? t('inboundForm.unfit', { type: field.type }) : undefined
  return (
    <TextInput
      {...shared}
      value={text}
      error={unfit ?? error}
      onChange={(event) => change(event.currentTarget.value)}
    />
  )
}

type ReferenceProps = {
  id: string
  'aria-label': string
  description: string
  error: string | undefined
  entity: Referenced
  value: string
  onChange: (id: string) => void
}

/** A record, by its name. */
function Reference({ entity, value, onChange, ...shared }: ReferenceProps) {
  const { t } = useTranslation()
  const [search, setSearch] = useState('')
  const [asked] = useDebouncedValue(search, SEARCH_MS)
  const chosen = useQuery(referenceQuery(entity, value)).data ?? (value ? { value, label: value } : undefined)
  // The name of what is chosen is no search.
  const found = useQuery(referencesQuery(entity, asked === chosen?.label ? '' : asked))
  const choices = found.data ?? []
  const data = chosen && !choices.some((each) => each.value === value) ? [chosen, ...choices] : choices
  return (
    <Select
      {...shared}
      data={data}
      searchable
      clearable
      clearButtonProps={{ id: `${shared.id}-clear`, 'aria-label': t('deliveries.clear') }}
      nothingFoundMessage={found.error ? t('problem.title') : t('sample.noRecord')}
      value={value || null}
      searchValue={search}
      onSearchChange={setSearch}
      onChange={(next) => onChange(next ?? '')}
    />
  )
}
