// Times, durations and numbers as the chosen language writes them. Times are the reader's own zone.
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'

export function formats(language: string) {
  const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
  const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
  const year = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })
  const whole = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' })
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' })
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 })
  const exact = new Intl.NumberFormat(language, { maximumFractionDigits: 6 })
  const unit = (name: string, digits: number) =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits })
  const units = {
    ms: unit('millisecond', 1),
    wholeMs: unit('millisecond', 0),
    s: unit('second', 2),
    min: unit('minute', 1),
    h: unit('hour', 1),
  }

  /** As short as the moment is near: a clock today, a day this year. */
  function short(moment: Date, now: Date) {
    if (moment.toDateString() === now.toDateString()) return clock.format(moment)
    return (moment.getFullYear() === now.getFullYear() ? day : year).format(moment)
  }
  function duration(ms: number) {
    if (ms === 0) return units.s.format(0)
    if (ms < 10) return units.ms.format(ms)
    if (ms < 1000) return units.wholeMs.format(ms)
    if (ms < 120_000) return units.s.format(ms / 1000)
    return ms < 7_200_000 ? units.min.format(ms / 60_000) : units.h.format(ms / 3_600_000)
  }
  /** Amounts are whole numbers in the currency's smallest unit. */
  function money(amount: number, currency: string) {
    const format = currencyFormat(language, currency)
    return format ? format.format(amount / 10 ** decimalsOf(currency)) : `${number.format(amount)} ${currency}`
  }
  return {
    money,
    /** A day without a time: the same day wherever one is. */
    day: (text: string) => (Number.isNaN(Date.parse(text)) ? text : date.format(new Date(`${text}T00:00:00Z`))),
    exact: (value: number) => exact.format(value),
    short: (moment: string | number, now = new Date()) => short(new Date(moment), now),
    clock: (moment: string | number) => clock.format(new Date(moment)),
    whole: (moment: string | number) => whole.format(new Date(moment)),
    number: (value: number) => number.format(value),
    duration,
  }
}

function currencyFormat(language: string, currency: string): Intl.NumberFormat | undefined {
  try {
    return new Intl.NumberFormat(language, { style: 'currency', currency })
  } catch {
    return undefined
  }
}

/** How many digits stand behind the point: 2 for EUR, 0 for JPY. */
export const decimalsOf = (currency: string) =>
  currencyFormat('en', currency)?.resolvedOptions().maximumFractionDigits ?? 0

/** The reader's own region where it speaks the chosen language: 24 hours in Britain, 12 in America. */
const regional = (language: string) => navigator.languages.find((wish) => wish.startsWith(`${language}-`)) ?? language

export function useFormats() {
  const { i18n } = useTranslation()
  return useMemo(() => formats(regional(i18n.language)), [i18n.language])
}
