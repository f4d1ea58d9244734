// What a release needs and a change does not: every text in every language. `npm run release` runs it.
import { expect, test } from 'vitest'

import de from './de.json'
import en from './en.json'
import pt from './pt.json'
import { texts, withoutPlural } from './texts'

test.each([
  ['German', de],
  ['Portuguese', pt],
])('%s has every text of the English catalogue', (_, catalogue) => {
  const translated = new Set(texts(catalogue).map(([key]) => withoutPlural(key)))
  expect(texts(en).map(([key]) => withoutPlural(key)).filter((key) => !translated.has(key))).toEqual([])
})
