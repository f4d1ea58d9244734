// The catalogues: data beside the script, loaded with it. English stands in for what a translation lacks.
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

import de from './de.json?url'
import en from './en.json?url'
import pt from './pt.json?url'

export const languages = { en: 'English', de: 'Deutsch', pt: 'Português' } as const
export type Language = keyof typeof languages

const KEPT = 'hookswitch.language'
const places: Record<Language, string> = { en, de, pt }
const isLanguage = (text: string): text is Language => text in languages

/** A frame in somebody else's page may get no storage. */
function kept(): string {
  try {
    return localStorage.getItem(KEPT) ?? ''
  } catch {
    return ''
  }
}

function wished(): Language {
  const wishes = [kept(), ...navigator.languages]
  return wishes.map((wish) => wish.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'en'
}

async function load(language: Language) {
  if (i18next.hasResourceBundle(language, 'translation')) return
  const answer = await fetch(places[language])
  i18next.addResourceBundle(language, 'translation', await answer.json())
}

export async function speak(language: Language) {
  await load(language)
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}

export async function choose(language: Language) {
  try {
    localStorage.setItem(KEPT, language)
  } catch {
    // Then it holds until the page is left.
  }
  await speak(language)
}

export async function start() {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: {},
    // React escapes, and what receivers answer must appear as it is.
    interpolation: { escapeValue: false },
  })
  const language = wished()
  await Promise.all([load('en'), load(language)])
  await speak(language)
}
