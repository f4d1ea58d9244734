import { expect, test } from 'vitest'

import { decimalsOf, formats } from './format'

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

test('days, amounts and numbers are written as each language does', () => {
  const [en, de, pt] = [formats('en-GB'), formats('de-DE'), formats('pt-BR')]
  expect([en, de, pt].map((format) => plain(format.day('2026-01-31')))).toEqual(['31 Jan 2026', '31.01.2026', '31 de jan. de 2026'])
  expect([en, de, pt].map((format) => plain(format.money(129_950, 'EUR')))).toEqual(['€1,299.50', '1.299,50 €', '€ 1.299,50'])
  expect([en, de, pt].map((format) => format.number(12_345.6))).toEqual(['12,345.6', '12.345,6', '12.345,6'])
  expect([en, de, pt].map((format) => format.exact(0.125))).toEqual(['0.125', '0,125', '0,125'])
})

test("an amount is in its currency's smallest unit, also where that has no digits behind the point", () => {
  expect([decimalsOf('EUR'), decimalsOf('JPY'), decimalsOf('no currency')]).toEqual([2, 0, 0])
  expect(plain(formats('en-GB').money(1500, 'JPY'))).toBe('JP¥1,500')
  expect(formats('en-GB').money(1500, 'no currency')).toBe('1,500 no currency')
})

test('a day is the same day wherever one is, and what is none stays as it is', () => {
  expect(formats('en-GB').day('2026-12-31')).toBe('31 Dec 2026')
  expect(formats('en-GB').day('someday')).toBe('someday')
})
