// What a record is called, by its id. A page of the noun is asked for once; only what is not on it is
// asked for by itself.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'

import { usersQuery } from '../../api/accounts'
import { type NounKey, recordQuery, recordsQuery } from '../../api/desk'
import { useSession } from '../../api/session'
import { titleOf } from './nouns'
import { nouns } from './setup'

const FRESH_MS = 60_000

export function useName(noun: NounKey, id: string | null): string | undefined {
  const asked = id !== null
  const many = useInfiniteQuery({ ...recordsQuery(noun, {}), staleTime: FRESH_MS, refetchOnMount: true, enabled: asked })
  const found = many.data?.pages[0]?.data.find((record) => record.id === id)
  const one = useQuery({ ...recordQuery(noun, id ?? ''), enabled: asked && !many.isPending && !found, staleTime: FRESH_MS })
  const record = found ?? one.data
  return record && titleOf(nouns[noun], record)
}

/** The people of the tenant, as far as one may see them. */
export function usePeople() {
  const { session, may } = useSession()
  const users = useInfiniteQuery({ ...usersQuery, enabled: may('user:read'), staleTime: FRESH_MS })
  const me = session.actor.replace(/^user:/, '')
  const known = new Map(users.data?.pages.flatMap((page) => page.data.map(({ id, name }) => [id as string, name] as const)))
  if (session.name) known.set(me, session.name)
  return { me, nameOf: (id: string) => known.get(id), all: [...known] }
}
