// Users, roles, tokens, and what a tenant switches on.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once } from './keys'

export type User = Schemas['User']
export type Role = Schemas['Role']
export type Token = Schemas['Token']
export type CreatedToken = Schemas['CreatedToken']
export type Settings = Schemas['Settings']

export const usersQuery = infiniteQueryOptions({
  queryKey: ['users', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET('/api/v1/users', { params: { query: { limit: PAGE, cursor: pageParam } } })),
  ...paging,
})

export const rolesQuery = queryOptions({ queryKey: ['roles'], queryFn: () => answer(client.GET('/api/v1/roles')) })

export const tokensQuery = infiniteQueryOptions({
  queryKey: ['tokens', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET('/api/v1/tokens', { params: { query: { limit: PAGE, cursor: pageParam } } })),
  ...paging,
})

export const settingsQuery = queryOptions({ queryKey: ['settings'], queryFn: () => answer(client.GET('/api/v1/settings')) })

function useForget(...kinds: string[]) {
  const queries = useQueryClient()
  return () => Promise.all(kinds.map((key) => queries.invalidateQueries({ queryKey: [key] })))
}

export function useSaveUser(id: string | undefined) {
  const onSuccess = useForget('users')
  return useMutation({
    mutationFn: ({ key, email, ...rest }: Schemas['NewUser'] & { disabled?: boolean; key: string }) => {
      const { disabled, ...fresh } = rest
      return answer<User>(
        id
          ? client.PATCH('/api/v1/users/{id}', { body: { ...fresh, disabled }, params: { path: { id } } })
          : client.POST('/api/v1/users', { body: { email, ...fresh }, params: once(key) }),
      )
    },
    onSuccess,
  })
}

export function useRemoveUser() {
  const onSuccess = useForget('users')
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/users/{id}', { params: { path: { id } } })),
    onSuccess,
  })
}

export function useCreateRole() {
  const onSuccess = useForget('roles')
  return useMutation({
    mutationFn: ({ key, ...body }: Schemas['NewRole'] & { key: string }) =>
      answer(client.POST('/api/v1/roles', { body, params: once(key) })),
    onSuccess,
  })
}

export function useRemoveRole() {
  const onSuccess = useForget('roles')
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/roles/{id}', { params: { path: { id } } })),
    onSuccess,
  })
}

export function useCreateToken() {
  const onSuccess = useForget('tokens')
  return useMutation({
    mutationFn: ({ key, ...body }: Schemas['NewToken'] & { key: string }) =>
      answer(client.POST('/api/v1/tokens', { body, params: once(key) })),
    onSuccess,
  })
}

export function useRevokeToken() {
  const onSuccess = useForget('tokens')
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } })),
    onSuccess,
  })
}

export function useSetSettings() {
  const onSuccess = useForget('settings')
  return useMutation({
    mutationFn: (body: Schemas['SettingsChange']) => answer(client.PUT('/api/v1/settings', { body })),
    onSuccess,
  })
}
