// Who is signed in, and what they may do. The console hides what a role can't do; the server refuses it.
import { queryOptions, useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'

import { type Schemas, answer, client } from './client'

export type Session = Schemas['Me']
export type Permission =
  | 'event:read'
  | 'event:publish'
  | 'event_type:read'
  | 'event_type:write'
  | 'destination:create'
  | 'destination:read'
  | 'destination:update'
  | 'destination:delete'
  | 'destination:reveal'
  | 'credential:read'
  | 'delivery:read'
  | 'delivery:replay'
  | 'delivery:cancel'
  | 'notification:read'
  | 'notification:write'
  | 'inbound_webhook:create'
  | 'inbound_webhook:read'
  | 'inbound_webhook:update'
  | 'inbound_webhook:delete'
  | 'inbound_webhook:replay'
  | 'desk:read'
  | 'desk:write'
  | 'alert:handle'
  | 'audit:read'
  | 'user:read'
  | 'user:write'
  | 'role:write'
  | 'token:read'
  | 'token:write'
  | 'feature:read'
  | 'feature:write'

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: (): Promise<Session> => answer(client.GET('/api/v1/session')),
  staleTime: Infinity,
})

export function useSession() {
  const session = useSuspenseQuery(sessionQuery).data
  return { session, may: (permission: Permission) => session.permissions.includes(permission) }
}

export const signIn = (body: Schemas['SignIn']) => answer(client.POST('/api/v1/session', { body }))
export const signOut = () => answer(client.DELETE('/api/v1/session'))

export function useSetFeatures() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: Schemas['Features']) => answer(client.PUT('/api/v1/features', { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  })
}
