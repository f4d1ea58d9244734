// The input that a kind of field asks for.
import { ActionIcon, Button, Checkbox, ColorInput, Group, Input, JsonInput, NativeSelect, NumberInput, Paper, SimpleGrid, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { decimalsOf } from '../../i18n/format'
import { localOf } from '../../ui/MomentInput'
import { domId } from '../../ui/domId'
import { within } from './DeskFilters'
import { Picker } from './Picker'
import { currencyOf } from './Value'
import type { Field } from './nouns'
import { type Values, valueOf } from './recordValues'

type Props = {
  scope: string
  field: Field
  /** Those of the whole form: what may be picked depends on its neighbours. */
  values: Values
  value: unknown
  error?: React.ReactNode
  /** What a screen reader hears where the label does not say enough. */
  said?: string
  onChange: (value: unknown) => void
}

const types = { email: 'email', url: 'url', phone: 'tel' } as const

export function FieldInput({ scope, field, values, value, error, said, onChange }: Props) {
  const { t } = useTranslation()
  const label = t(`desk.field.${field.name}`)
  const common = { id: domId(scope, field.name), label, error, withAsterisk: field.required, ...(said ? { 'aria-label': said } : {}) }
  const text = typeof value === 'string' ? value : ''
  switch (field.kind) {
    case 'flag':
      return (
        <Checkbox
          id={common.id}
          label={label}
          error={error}
          aria-label={said}
          className="beside"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      )
    case 'word':
      return (
        <NativeSelect
          {...common}
          size="sm"
          value={text}
          onChange={(event) => onChange(event.currentTarget.value)}
          data={[
            { value: '', label: t('common.none') },
            ...(field.words ?? []).map((word) => ({ value: word, label: t(`desk.word.${word}`) })),
            ...(text && !field.words?.some((word) => word === text) ? [text] : []),
          ]}
        />
      )
    case 'whole':
    case 'minutes':
    case 'hours':
      return (
        <NumberInput
          {...common}
          hideControls
          allowDecimal={field.kind === 'hours'}
          value={typeof value === 'number' ? value : text}
          onChange={onChange}
        />
      )
    case 'money':
      return <Money {...common} digits={decimalsOf(currencyOf(field, values))} value={value} onChange={onChange} />
    case 'day':
      return <TextInput {...common} type="date" value={text} onChange={(event) => onChange(event.currentTarget.value)} />
    case 'moment':
      return <Moment {...common} value={text} onChange={onChange} />
    case 'reference':
    case 'user':
      return (
        <Picker
          {...common}
          field={field}
          size="sm"
          value={text || null}
          filter={within(field, values)}
          onChange={onChange}
        />
      )
    case 'colour':
      return <ColorInput {...common} value={text} onChange={onChange} eyeDropperButtonProps={{ id: `${common.id}-pick`, 'aria-label': label }} />
    case 'long':
      return <Textarea {...common} autosize minRows={3} maxRows={14} value={text} onChange={(event) => onChange(event.currentTarget.value)} />
    case 'object':
      return <Free {...common} value={value} onChange={onChange} />
    case 'rows':
      return <Lines {...{ scope, field, values, value, error, onChange }} />
    default:
      return (
        <TextInput
          {...common}
          type={field.kind in types ? types[field.kind as keyof typeof types] : 'text'}
          classNames={field.kind === 'code' ? { input: 'mono' } : undefined}
          autoComplete="off"
          value={text}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )
  }
}

type Common = { id: string; label: string; error?: React.ReactNode; onChange: (value: unknown) => void }

/** Typed as people write amounts; kept in the currency's smallest unit. */
function Money({ digits, value, onChange, ...common }: Common & { digits: number; value: unknown }) {
  return (
    <NumberInput
      {...common}
      hideControls
      decimalScale={digits}
      value={typeof value === 'number' ? value / 10 ** digits : ''}
      onChange={(amount) => onChange(typeof amount === 'number' ? Math.round(amount * 10 ** digits) : '')}
    />
  )
}

/** In the reader's own zone; kept as the API writes it. */
function Moment({ value, onChange, ...common }: Common & { value: string }) {
  return (
    <TextInput
      {...common}
      type="datetime-local"
      value={localOf(value)}
      onChange={(event) => {
        const moment = new Date(event.currentTarget.value)
        onChange(Number.isNaN(moment.getTime()) ? '' : moment.toISOString())
      }}
    />
  )
}

/** What has a shape of its own is written as JSON. While it is none it is text, which the form refuses. */
function Free({ value, onChange, ...common }: Common & { value: unknown }) {
  const [text, setText] = useState(() => (typeof value === 'string' ? value : JSON.stringify(value ?? {}, null, 2)))
  function change(next: string) {
    setText(next)
    try {
      onChange(next.trim() ? JSON.parse(next) : {})
    } catch {
      onChange(next)
    }
  }
  return <JsonInput {...common} autosize minRows={2} maxRows={16} classNames={{ input: 'mono' }} value={text} onChange={change} />
}

function Lines({ scope, field, values, value, error, onChange }: Omit<Props, 'said'>) {
  const { t } = useTranslation()
  const rows: Values[] = Array.isArray(value) ? value : []
  const parts = field.parts ?? []
  const name = t(`desk.field.${field.name}`)
  const blank = Object.fromEntries(parts.map((part) => [part.name, valueOf(part, undefined)]))
  return (
    <fieldset className="bare">
      <Text component="legend" size="sm" fw={500}>
        {name}
      </Text>
      <Stack gap="xs" mt={4}>
        {rows.map((row, index) => (
          <Paper key={index} p="xs" radius="sm">
            <Group align="start" wrap="nowrap" gap="xs">
              <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="xs" flex={1}>
                {parts.map((part) => (
                  <FieldInput
                    key={part.name}
                    scope={domId(scope, field.name, index)}
                    field={part}
                    values={{ ...values, ...row }}
                    value={valueOf(part, row[part.name])}
                    said={`${t('desk.rowOf', { name, number: index + 1 })}: ${t(`desk.field.${part.name}`)}`}
                    onChange={(next) => onChange(rows.map((each, place) => (place === index ? { ...each, [part.name]: next } : each)))}
                  />
                ))}
              </SimpleGrid>
              <ActionIcon
                id={domId(scope, field.name, index, 'remove')}
                variant="subtle"
                color="gray"
                aria-label={t('desk.removeRow', { number: index + 1 })}
                onClick={() => onChange(rows.filter((_, place) => place !== index))}
              >
                <IconX size={15} aria-hidden />
              </ActionIcon>
            </Group>
          </Paper>
        ))}
        {error && <Input.Error>{error}</Input.Error>}
        <div>
          <Button
            id={domId(scope, field.name, 'add')}
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => onChange([...rows, blank])}
          >
            {t('desk.addRow')}
          </Button>
        </div>
      </Stack>
    </fieldset>
  )
}
