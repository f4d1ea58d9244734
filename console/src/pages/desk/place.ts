// What stands in the address of a desk page and what the descriptions say about it.
import { type NounKey, type RecordFilter, nounKeys } from '../../api/desk'
import { type Noun, filtersOf } from './nouns'
import type { DeskSearch } from './search'
import { nouns } from './setup'

const always = ['q', 'external_id', 'from', 'to']

/** The list's filter, without what else the address carries. What the noun does not offer is left out. */
export function filterOf(noun: Noun, search: DeskSearch): RecordFilter {
  const offered = new Set<string>([...always, ...filtersOf(noun).map(({ name }) => name)])
  return Object.fromEntries(Object.entries(search).flatMap(([name, value]) => (value && offered.has(name) ? [[name, value]] : [])))
}

/** Which noun an id is of; ids say it by how they begin. */
export function nounOfId(id: string): NounKey | undefined {
  const prefix = id.split('_')[0]
  return nounKeys.find((key) => nouns[key].prefix === prefix)
}
