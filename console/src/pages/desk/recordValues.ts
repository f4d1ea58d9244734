// Between a record and the inputs of its form.
import type { DeskRecord, Given } from '../../api/desk'
import type { Field, Noun } from './nouns'

/** What inputs hold: text where one types, the value itself elsewhere. */
export type Values = { [field: string]: unknown }

/** The fields that a form has: of a new record, or of one that is there. */
export const formFields = (noun: Noun, isNew: boolean) =>
  noun.fields.filter(({ given }) => given === undefined || given === (isNew ? 'once' : 'later'))

const empty = (kind: Field['kind']): unknown => {
  switch (kind) {
    case 'flag':
      return false
    case 'rows':
      return []
    case 'object':
      return {}
    case 'reference':
    case 'user':
      return null
    default:
      return ''
  }
}

export const valueOf = (field: Field, value: unknown): unknown => value ?? empty(field.kind)

export function valuesOf(fields: readonly Field[], record: DeskRecord | undefined, preset: Given = {}): Values {
  return Object.fromEntries(fields.map((field) => [field.name, valueOf(field, record ? record[field.name] : preset[field.name])]))
}

/** As the API takes it; an emptied input is null. */
export function givenOf(field: Field, value: unknown): unknown {
  if (value === '' || value === undefined) return null
  if (typeof value === 'string' && !['object', 'rows'].includes(field.kind)) return value.trim() === '' ? null : value.trim()
  if (field.kind === 'rows' && Array.isArray(value)) {
    return value.map((row: Given) =>
      Object.fromEntries((field.parts ?? []).map((part) => [part.name, givenOf(part, row[part.name])]).filter(([, each]) => each !== null)),
    )
  }
  return value
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** What a new record is made from: what was filled in. */
export function bodyOf(fields: readonly Field[], values: Values): Given {
  const given = fields.map((field) => [field.name, givenOf(field, values[field.name])] as const)
  const untouched = (name: string, value: unknown) => {
    const field = fields.find((each) => each.name === name)
    return value === null || (field !== undefined && same(value, empty(field.kind)))
  }
  return Object.fromEntries(given.filter(([name, value]) => !untouched(name, value)))
}

/** What is different from the record: that alone is sent. */
export function changesOf(fields: readonly Field[], record: DeskRecord, values: Values): Given {
  const changed = fields
    .map((field) => [field, givenOf(field, values[field.name])] as const)
    .filter(([field, value]) => !same(value, givenOf(field, valueOf(field, record[field.name]))))
  // Free objects are merged by the server: a key that was taken out is emptied by name.
  return Object.fromEntries(changed.map(([field, value]) => [field.name, field.kind === 'object' ? merging(record[field.name], value) : value]))
}

function merging(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return after
  const gone = Object.keys(before).filter((key) => !(key in after))
  return { ...after, ...Object.fromEntries(gone.map((key) => [key, null])) }
}

export const isObject = (value: unknown): value is Given => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The newest state with one's own changes on it, and which fields others changed meanwhile. */
export function carriedOver(fields: readonly Field[], before: DeskRecord, mine: Values, now: DeskRecord) {
  const touched = new Set(Object.keys(changesOf(fields, before, mine)))
  const values = valuesOf(fields, now)
  for (const name of touched) values[name] = mine[name]
  const theirs = fields.filter(({ name }) => !same(before[name], now[name])).map(({ name }) => name)
  return { values, theirs }
}
