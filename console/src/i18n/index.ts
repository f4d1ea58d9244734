// The catalogues. English ships with the page and stands in for what a translation lacks; the
// others load when they are chosen.
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

import en from './en.json'

export const languages = { en: 'English', de: 'Deutsch', pt: 'Português' } as const
export type Language = keyof typeof languages

const KEPT = 'hookswitch.language'
const isLanguage = (text: string): text is Language => text in languages

function wished(): Language {
  const wishes = [localStorage.getItem(KEPT) ?? '', ...navigator.languages]
  return wishes.map((wish) => wish.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'en'
}

async function load(language: Language) {
  if (i18next.hasResourceBundle(language, 'translation')) return
  const catalogue = language === 'de' ? await import('./de.json') : await import('./pt.json')
  i18next.addResourceBundle(language, 'translation', catalogue.default)
}

export async function speak(language: Language) {
  await load(language)
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}

export async function choose(language: Language) {
  localStorage.setItem(KEPT, language)
  await speak(language)
}

export async function start() {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    // React escapes, and what receivers answer must appear as it is.
    interpolation: { escapeValue: false },
  })
  await speak(wished())
}
