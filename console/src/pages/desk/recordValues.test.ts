import { expect, test } from 'vitest'

import type { DeskRecord } from '../../api/desk'
import { bodyOf, carriedOver, changesOf, formFields, valuesOf } from './recordValues'
import { nouns } from './setup'

const common = { version: 3, updated_at: '2026-01-01T00:00:00Z', external_refs: [] }
const client: DeskRecord = {
  ...common,
  id: 'cli_1',
  client_name: 'Acme',
  client_type: 'company',
  is_default: false,
  is_inactive: false,
  email: 'a@acme.example',
  notes: null,
  properties: { tier: 'gold', floor: 2 },
}
const fields = formFields(nouns.clients, false)

test('a form that nobody touched changes nothing', () => {
  expect(changesOf(fields, client, valuesOf(fields, client))).toEqual({})
})

test('only what was changed is sent, and an emptied input is null', () => {
  const values = { ...valuesOf(fields, client), client_name: ' Acme Ltd ', email: '', is_default: true }
  expect(changesOf(fields, client, values)).toEqual({ client_name: 'Acme Ltd', email: null, is_default: true })
})

test('a key that was taken out of free data is emptied by name, since the server merges', () => {
  const values = { ...valuesOf(fields, client), properties: { tier: 'silver' } }
  expect(changesOf(fields, client, values)).toEqual({ properties: { tier: 'silver', floor: null } })
})

test('a new record is made from what was filled in alone', () => {
  const made = formFields(nouns.contacts, true)
  const values = { ...valuesOf(made, undefined, { client_id: 'cli_1' }), full_name: 'Ann', phone_numbers: [{ phone_number: '1', extension: '', is_default: true }] }
  expect(bodyOf(made, values)).toEqual({ client_id: 'cli_1', full_name: 'Ann', phone_numbers: [{ phone_number: '1', is_default: true }] })
})

test('what is fixed at the beginning is not in the form of what is there', () => {
  expect(formFields(nouns.evidence, true).map(({ name }) => name)).toContain('hash')
  expect(formFields(nouns.evidence, false).map(({ name }) => name)).not.toContain('hash')
  expect(formFields(nouns.invoices, true).map(({ name }) => name)).not.toContain('paid_at')
})

test("after a conflict one's own changes lie on the newest state, and what others changed is named", () => {
  const mine = { ...valuesOf(fields, client), notes: 'mine' }
  const now = { ...client, version: 4, email: 'new@acme.example', city: 'Kiel' }
  const { values, theirs } = carriedOver(fields, client, mine, now)
  expect(values).toMatchObject({ notes: 'mine', email: 'new@acme.example', city: 'Kiel' })
  expect(theirs).toEqual(['email', 'city'])
  expect(changesOf(fields, now, values)).toEqual({ notes: 'mine' })
})
