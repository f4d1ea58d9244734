import { expect, test } from 'vitest'

import { leavesOf, literalOf, modeOf } from './mapping'

test('a literal is static, everything else an expression', () => {
  expect(modeOf('')).toEqual({ mode: 'static', value: '' })
  expect(modeOf("'high'")).toEqual({ mode: 'static', value: 'high' })
  expect(modeOf('"high"')).toEqual({ mode: 'static', value: 'high' })
  expect(modeOf('42')).toEqual({ mode: 'static', value: '42' })
  expect(modeOf('true')).toEqual({ mode: 'static', value: 'true' })
  expect(modeOf('alert.message')).toEqual({ mode: 'expression', value: 'alert.message' })
  expect(modeOf("'a' & b")).toMatchObject({ mode: 'expression' })
})

test('a static value is written as its type wants it', () => {
  expect(literalOf('ref', 'cli_1')).toBe('"cli_1"')
  expect(literalOf('int', '7')).toBe('7')
  expect(literalOf('int', '7.5')).toBeUndefined()
  expect(literalOf('number', '7.5')).toBe('7.5')
  expect(literalOf('boolean', 'TRUE')).toBe('true')
  expect(literalOf('boolean', 'yes')).toBeUndefined()
  expect(literalOf('string', '')).toBe('')
})

test('quotes survive going there and back', () => {
  const written = literalOf('string', `say "hi" it's`) ?? ''
  expect(modeOf(written)).toEqual({ mode: 'static', value: `say "hi" it's` })
})

test('a sample names its places: nested, lists, mixed types', () => {
  const paths = leavesOf({ alert: { id: 1, 'odd name': 'x' }, items: [{ sku: 'a' }], none: null }).map(({ path }) => path)
  expect(paths).toEqual(['alert', 'alert.id', 'alert.`odd name`', 'items', 'items[0]', 'items[0].sku', 'none'])
})

test('an empty or absent sample has no places', () => {
  expect(leavesOf(null)).toEqual([])
  expect(leavesOf(undefined)).toEqual([])
  expect(leavesOf({})).toEqual([])
  expect(leavesOf([])).toEqual([])
})
