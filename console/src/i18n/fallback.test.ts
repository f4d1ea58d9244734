import i18next from 'i18next'
import { afterEach, expect, test, vi } from 'vitest'

import de from './de.json'
import en from './en.json'
import { choose, start } from './index'

afterEach(() => {
  vi.unstubAllGlobals()
  localStorage.clear()
})

test('a text that a language lacks is shown in English', async () => {
  const lacking = Object.fromEntries(Object.entries(de.desk).filter(([key]) => key !== 'edit'))
  const catalogues: Record<string, object> = { en, de: { ...de, desk: lacking } }
  vi.stubGlobal('fetch', async (place: string) => ({ json: async () => catalogues[/(\w+)\.json/.exec(place)?.[1] ?? ''] }))
  await start()
  await choose('de')
  expect(document.documentElement.lang).toBe('de')
  expect(i18next.t('desk.delete')).toBe('Löschen')
  expect(i18next.t('desk.edit')).toBe('Edit')
})
