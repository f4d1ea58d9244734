// What a kind of record is: its fields and how each is shown and written, what a list can be narrowed to,
// what belongs to it, and what people do with it. The pages are made of these descriptions; the
// descriptions themselves stand in people.ts, work.ts and setup.ts.
import type { DeskRecord, Given, NounKey } from '../../api/desk'
import type { Permission } from '../../api/session'
import type en from '../../i18n/en.json'
import type { Tone } from '../../ui/StateBadge'

/** Every field and word has its text in the catalogue. */
export type FieldName = keyof (typeof en)['desk']['field']
export type Word = keyof (typeof en)['desk']['word']
export type ActionKey = keyof (typeof en)['desk']['action']

export type Kind =
  | 'text'
  | 'long'
  | 'email'
  | 'url'
  | 'phone'
  | 'code'
  | 'colour'
  | 'flag'
  | 'word'
  | 'whole'
  | 'hours'
  | 'minutes'
  | 'money'
  | 'day'
  | 'moment'
  | 'reference'
  | 'user'
  | 'actor'
  | 'object'
  | 'rows'

export type Field = {
  name: FieldName
  kind: Kind
  /** Of a reference: what it names. */
  to?: NounKey
  /** What its picker offers only: the filter, and the field of the same form that it follows. */
  within?: Partial<Record<FieldName, FieldName>>
  words?: readonly Word[]
  tones?: Partial<Record<Word, Tone>>
  parts?: readonly Field[]
  required?: true
  /** When it may be given: only to a new record, only to one that is there, or by nobody; left out: always. */
  given?: 'once' | 'later' | 'never'
  /** In lists; left out: only in the record itself. */
  room?: 'always' | 'middling' | 'wide'
  width?: number
  /** Of an amount: the field that says the currency. */
  currency?: FieldName
  /** Of a reference in an answer: the field that has its name already. */
  named?: FieldName
}

/** Records that name this one: their noun, and the filter by which they are found. */
export type Related = { noun: NounKey; by: FieldName; /** Whether new ones are made from here. */ make?: true }

export type Action = {
  key: ActionKey
  needs: Permission
  when: (record: DeskRecord, me: string) => boolean
  does: { alert: 'acknowledge' | 'resolve' | 'reopen' | 'assign' | 'ticket' } | { change: (me: string) => Given } | { ask: FieldName[]; change: Given }
  main?: true
}

export type Noun = {
  key: NounKey
  /** Ids begin with it. */
  prefix: string
  /** In events, mappings and references. */
  kind: string
  schema: string
  /** The fields by which people know it, in lists the first column. */
  title: readonly FieldName[]
  fields: readonly Field[]
  /** Fields, or what else a list can be narrowed to. The first ones are shown at once. */
  filters: readonly (FieldName | Field)[]
  /** So many of the filters are shown before one asks for more. */
  first?: number
  state?: FieldName
  related: readonly Related[]
  actions?: readonly Action[]
  /** The field whose value is chosen from a menu on the record itself. */
  menu?: FieldName
  taggable?: true
  created: 'created_at' | 'entered_at'
}

export const text = (name: FieldName, more: Partial<Field> = {}): Field => ({ name, kind: 'text', ...more })
export const long = (name: FieldName): Field => ({ name, kind: 'long' })
export const flag = (name: FieldName, more: Partial<Field> = {}): Field => ({ name, kind: 'flag', ...more })
export const day = (name: FieldName, more: Partial<Field> = {}): Field => ({ name, kind: 'day', ...more })
export const moment = (name: FieldName, more: Partial<Field> = {}): Field => ({ name, kind: 'moment', ...more })
export const whole = (name: FieldName, more: Partial<Field> = {}): Field => ({ name, kind: 'whole', ...more })
export const user = (name: FieldName, more: Partial<Field> = {}): Field => ({ name, kind: 'user', ...more })
export const money = (name: FieldName, more: Partial<Field> = {}): Field => ({
  name,
  kind: 'money',
  currency: 'currency_code',
  ...more,
})
export const to = (noun: NounKey, name: FieldName, more: Partial<Field> = {}): Field => ({
  name,
  kind: 'reference',
  to: noun,
  ...more,
})
export const words = (name: FieldName, list: readonly Word[], more: Partial<Field> = {}): Field => ({
  name,
  kind: 'word',
  words: list,
  ...more,
})

export const fieldOf = (noun: Noun, name: string) => noun.fields.find((field) => field.name === name)

/** The filters of a noun as fields. */
export const filtersOf = (noun: Noun): Field[] =>
  noun.filters.flatMap((filter) => (typeof filter === 'string' ? (fieldOf(noun, filter) ?? []) : filter))

/** What a record is called where only text may stand. */
export function titleOf(noun: Noun, record: DeskRecord): string {
  const parts = noun.title.map((name) => record[name]).filter((part) => part !== null && part !== undefined && part !== '')
  return parts.length > 0 ? parts.join(' ') : record.id
}
