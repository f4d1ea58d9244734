// One field of a record, as people read it.
import { Anchor, Badge, Text } from '@mantine/core'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import type { Given } from '../../api/desk'
import { useFormats } from '../../i18n/format'
import { Later } from '../../ui/Later'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { Person, RecordLink } from './RecordLink'
import type { Field, Word } from './nouns'
import { isObject } from './recordValues'

const LargeValue = lazy(() => import('./LargeValue').then((loaded) => ({ default: loaded.LargeValue })))

export type ValueProps = { field: Field; record: Given; scope: string; /** As text alone, inside something that leads elsewhere. */ plain?: boolean }

export const isEmpty = (value: unknown) =>
  value === null ||
  value === undefined ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.values(value).every((each) => each === null || each === ''))

export function Value({ field, record, scope, plain }: ValueProps) {
  const { t } = useTranslation()
  const { money, day, exact, duration } = useFormats()
  const value = record[field.name]
  if (isEmpty(value)) return t('common.none')
  const said = String(value)
  switch (field.kind) {
    case 'flag':
      return value === true ? t('desk.yes') : t('desk.no')
    case 'word':
      return <WordBadge field={field} word={said} />
    case 'day':
      return day(said)
    case 'moment':
      return Number.isNaN(Date.parse(said)) ? said : <Time at={said} />
    case 'money':
      return typeof value === 'number' ? money(value, currencyOf(field, record)) : said
    case 'minutes':
      return typeof value === 'number' ? duration(value * 60_000) : said
    case 'whole':
    case 'hours':
      return typeof value === 'number' ? exact(value) : said
    case 'reference':
      return <Reference {...{ field, record, scope, plain }} id={said} />
    case 'user':
      return <Person id={said} />
    case 'code':
      return <code className="mono">{said}</code>
    case 'email':
      return plain || !said.includes('@') ? said : <Anchor id={domId(scope, field.name)} size="sm" href={`mailto:${said}`}>{said}</Anchor>
    case 'long':
      return (
        <Text size="sm" style={{ whiteSpace: 'pre-wrap' }} component="span">
          {said}
        </Text>
      )
    case 'actor':
    case 'colour':
    case 'object':
    case 'rows':
      return (
        <Later when>
          <LargeValue field={field} record={record} scope={scope} />
        </Later>
      )
    default:
      return said
  }
}

function Reference({ field, record, scope, plain, id }: ValueProps & { id: string }) {
  const named = field.named && record[field.named]
  const name = typeof named === 'string' ? named : undefined
  return field.to ? <RecordLink noun={field.to} id={id} name={name} scope={domId(scope, field.name)} plain={plain} /> : id
}

/** The currency of an amount: its record's own, or that of what it is a line of. */
export const currencyOf = (field: Field, record: Given) => {
  const code = field.currency && (record[field.currency] as unknown)
  return typeof code === 'string' && code ? code : 'EUR'
}

function WordBadge({ field, word }: { field: Field; word: string }) {
  const { t } = useTranslation()
  const known = field.words?.find((each) => each === word)
  // Somebody else's word, or one of a newer server.
  if (!known) return word
  const said = t(`desk.word.${known}`)
  return field.tones ? <Badge color={field.tones[known as Word] ?? 'gray'}>{said}</Badge> : said
}
