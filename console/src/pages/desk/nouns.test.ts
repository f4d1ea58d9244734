// The descriptions say what the API document says: every field of a record, every word, every filter.
import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { type NounKey, nounKeys } from '../../api/desk'
import en from '../../i18n/en.json'
import { recordPrefixes } from '../../paths'
import { type Field, fieldOf, filtersOf } from './nouns'
import { nounOfId } from './place'
import { nouns } from './setup'

type Schema = {
  $ref?: string
  enum?: string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  oneOf?: Schema[]
  anyOf?: Schema[]
}
type Operation = {
  operationId: string
  parameters: { name: string; in: string }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}
const document = JSON.parse(readFileSync('../openapi.json', 'utf8')) as {
  paths: Record<string, { get: Operation; post: Operation }>
  components: { schemas: Record<string, Schema> }
}
const resolve = (schema: Schema | undefined): Schema => {
  if (schema?.$ref) return resolve(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''])
  const one = (schema?.oneOf ?? schema?.anyOf)?.find(({ $ref, properties }) => $ref ?? properties)
  return one ? resolve(one) : (schema ?? {})
}
const pathOf = (key: NounKey) => {
  const path = document.paths[`/api/v1/${key}`]
  if (!path) throw new Error(`the API has no ${key}`)
  return path
}
const shown = (key: NounKey) => resolve({ $ref: nouns[key].schema })
const given = (key: NounKey) => resolve(pathOf(key).post.requestBody?.content['application/json']?.schema)

/** What all records have, and the names that a ticket brings along for what it refers to. */
const common = ['id', 'version', 'created_at', 'updated_at', 'external_refs', 'entered_at', 'client_name', 'board_name', 'status_name', 'priority_name']

test.each(nounKeys)('every field of %s is described, and nothing that it has not', (key) => {
  const properties = new Set([...Object.keys(shown(key).properties ?? {}), ...Object.keys(given(key).properties ?? {})])
  const described = nouns[key].fields.map(({ name }) => name as string)
  const own = key !== 'tickets' ? common.filter((name) => !name.endsWith('_name')) : common
  expect([...properties].filter((name) => !own.includes(name)).toSorted()).toEqual(described.filter((name) => name !== 'id').toSorted())
})

test.each(nounKeys)('what may be given to %s is what the API takes, and what is needed is asked for', (key) => {
  const { properties = {}, required = [] } = given(key)
  const giveable = nouns[key].fields.filter(({ given: when }) => when !== 'never').map(({ name }) => name as string)
  expect(giveable.toSorted()).toEqual(Object.keys(properties).toSorted())
  expect(nouns[key].fields.filter((field) => field.required).map(({ name }) => name as string).toSorted()).toEqual(required.toSorted())
})

const wordsOf = (field: Field, schema: Schema | undefined): [string, readonly string[], readonly string[]][] => {
  const found = resolve(schema)
  const parts = (field.parts ?? []).flatMap((part) => wordsOf(part, resolve(found.items).properties?.[part.name]))
  return [...(found.enum ? [[field.name, field.words ?? [], found.enum] as [string, readonly string[], readonly string[]]] : []), ...parts]
}

test.each(nounKeys)('the words of %s are those of the API', (key) => {
  for (const field of nouns[key].fields) {
    for (const [name, ours, theirs] of wordsOf(field, shown(key).properties?.[field.name])) {
      expect([...ours].toSorted(), name).toEqual([...theirs].toSorted())
    }
  }
})

test.each(nounKeys)('%s offers every filter that the API has', (key) => {
  const always = ['limit', 'cursor', 'from', 'to', 'q', 'external_id']
  const parameters = pathOf(key)
    .get.parameters.filter((parameter) => parameter.in === 'query' && !always.includes(parameter.name))
    .map(({ name }) => name)
  expect(filtersOf(nouns[key]).map(({ name }) => name as string).toSorted()).toEqual(parameters.toSorted())
})

test.each(nounKeys)('what belongs to %s is found by a filter of its noun', (key) => {
  for (const related of nouns[key].related) {
    expect(filtersOf(nouns[related.noun]).map(({ name }) => name)).toContain(related.by)
  }
})

test.each(nounKeys)('an id leads to %s, and pickers follow fields of the same form', (key) => {
  const noun = nouns[key]
  expect(nounOfId(`${noun.prefix}_01jd8r7c5tevzs9c1ghvzv3hkp`)).toBe(key)
  expect(`${noun.prefix}_1`).toMatch(recordPrefixes)
  for (const field of noun.fields) {
    for (const [filter, by] of Object.entries(field.within ?? {})) {
      expect(fieldOf(noun, by), by).toBeDefined()
      expect(filtersOf(nouns[field.to ?? key]).map(({ name }) => name)).toContain(filter)
    }
  }
})

test('the catalogue has no field and no word that no noun has', () => {
  const all = nounKeys.flatMap((key) => [...nouns[key].fields, ...filtersOf(nouns[key])])
  const fields = all.flatMap((field) => [field, ...(field.parts ?? [])])
  const names = new Set<string>(fields.flatMap(({ name, named }) => [name, ...(named ? [named] : [])]))
  const words = new Set<string>(fields.flatMap((field) => field.words ?? []))
  expect(Object.keys(en.desk.field).filter((name) => !names.has(name))).toEqual([])
  expect(Object.keys(en.desk.word).filter((word) => !words.has(word))).toEqual([])
})
