import { expect, test } from 'vitest'

import de from './de.json'
import en from './en.json'
import pt from './pt.json'
import { texts, withoutPlural } from './texts'

const placeholders = (text: string) => new Set(text.match(/\{\{\w+\}\}/g))
const english = new Map(texts(en).map(([key, text]) => [withoutPlural(key), text]))

// Completeness is the release's matter (release.test.ts): here, what is translated has to fit.
test.each([
  ['German', de],
  ['Portuguese', pt],
])('%s has no text that English has not, none that is empty, and the same placeholders', (_, catalogue) => {
  for (const [key, text] of texts(catalogue)) {
    const original = english.get(withoutPlural(key))
    expect(original, key).toBeDefined()
    expect(text.trim(), key).not.toBe('')
    expect(placeholders(text), key).toEqual(placeholders(original ?? ''))
  }
})

test.each([
  ['en', en],
  ['de', de],
  ['pt', pt],
])('%s has every plural form that its language needs', (language, catalogue) => {
  const keys = new Set(texts(catalogue).map(([key]) => key))
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
  for (const key of keys) {
    if (!key.endsWith('_other')) continue
    for (const form of forms) expect(keys).toContain(key.replace(/other$/, form))
  }
})

test('every text is used somewhere', () => {
  const sources = Object.values(import.meta.glob('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true })).join(
    '\n',
  )
  const written = new Set(sources.match(/['`][a-zA-Z_.]+[.\w]*\$?/g)?.map((quoted) => quoted.slice(1)))
  const unused = [...english.keys()].filter((key) => {
    const plain = key.replace(/_n$/, '')
    // Keys that end in a variable, `state.${state}.label`, are known by what comes before it.
    const computed = [...written].some((start) => start.endsWith('$') && start.length > 3 && plain.startsWith(start.slice(0, -1)))
    return !written.has(plain) && !computed
  })
  expect(unused).toEqual([])
})
