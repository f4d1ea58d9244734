// Inputs for settings whose shape the server tells (JSON Schema): adapters have theirs.
import { JsonInput, NumberInput, Select, Stack, Switch, TextInput, Textarea } from '@mantine/core'

import { domId } from '../ui/domId'

export type Property = {
  type?: string
  title?: string
  description?: string
  enum?: string[]
  default?: unknown
  format?: string
  maxLength?: number
  minimum?: number
  maximum?: number
}
export type Schema = { properties?: Record<string, Property>; required?: string[] }
export type Values = Record<string, unknown>

type Props = {
  scope: string
  schema: Schema
  values: Values
  errors: Record<string, string>
  onChange: (values: Values) => void
}

export function SchemaFields({ scope, schema, values, errors, onChange }: Props) {
  return (
    <Stack gap="sm">
      {Object.entries(schema.properties ?? {}).map(([name, property]) => (
        <Field
          key={name}
          id={domId(scope, name)}
          name={name}
          property={property}
          required={schema.required?.includes(name) ?? false}
          value={values[name]}
          error={errors[name]}
          onChange={(value) => onChange(without(values, name, value))}
        />
      ))}
    </Stack>
  )
}

/** An emptied input says nothing, so that the default holds. */
export function without(values: Values, name: string, value: unknown): Values {
  const rest = Object.fromEntries(Object.entries(values).filter(([key]) => key !== name))
  return value === '' || value === undefined || value === null ? rest : { ...rest, [name]: value }
}

type FieldProps = {
  id: string
  name: string
  property: Property
  required: boolean
  value: unknown
  error: string | undefined
  onChange: (value: unknown) => void
}

function Field({ id, name, property, required, value, error, onChange }: FieldProps) {
  const common = { id, label: property.title ?? name, description: property.description, error, withAsterisk: required }
  const standard = property.default
  if (property.enum) {
    return (
      <Select
        {...common}
        data={property.enum}
        value={typeof value === 'string' ? value : typeof standard === 'string' ? standard : null}
        onChange={onChange}
        comboboxProps={{ withinPortal: true }}
      />
    )
  }
  switch (property.type) {
    case 'boolean':
      return (
        <Switch
          {...common}
          checked={typeof value === 'boolean' ? value : standard === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      )
    case 'integer':
    case 'number':
      return (
        <NumberInput
          {...common}
          hideControls
          allowDecimal={property.type === 'number'}
          value={typeof value === 'number' ? value : ''}
          placeholder={typeof standard === 'number' ? String(standard) : undefined}
          onChange={(number) => onChange(number)}
        />
      )
    case 'string': {
      const text = typeof value === 'string' ? value : ''
      const placeholder = typeof standard === 'string' ? standard : undefined
      if (property.format === 'template' || (property.maxLength ?? 0) > 500) {
        return (
          <Textarea
            {...common}
            autosize
            minRows={1}
            maxRows={10}
            classNames={{ input: 'mono' }}
            value={text}
            placeholder={placeholder}
            onChange={(event) => onChange(event.currentTarget.value)}
          />
        )
      }
      return (
        <TextInput {...common} value={text} placeholder={placeholder} onChange={(event) => onChange(event.currentTarget.value)} />
      )
    }
    default:
      return <Json common={common} value={value} onChange={onChange} />
  }
}

type JsonProps = { common: { id: string; label: string; error: string | undefined }; value: unknown; onChange: (value: unknown) => void }

/** What has parts of its own is written as JSON; while it is none, it stays text, which the server refuses by name. */
function Json({ common, value, onChange }: JsonProps) {
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value, null, 2)
  function change(next: string) {
    try {
      onChange(next.trim() ? JSON.parse(next) : undefined)
    } catch {
      onChange(next)
    }
  }
  return <JsonInput {...common} autosize minRows={2} maxRows={12} classNames={{ input: 'mono' }} value={text} onChange={change} />
}
