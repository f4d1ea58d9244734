import { infiniteQueryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { PAGE, type Schemas, answer, client, paging } from './client'
import { once } from './keys'

export type Notification = Schemas['Notification']
export type NotificationBody = Schemas['NotificationBody']

const list = '/api/v1/notifications'

export const notificationsQuery = infiniteQueryOptions({
  queryKey: ['notifications', 'list'],
  queryFn: ({ pageParam }) => answer(client.GET(list, { params: { query: { limit: PAGE, cursor: pageParam } } })),
  ...paging,
})

export function useSaveNotification(id: string | undefined) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ key, ...body }: NotificationBody & { key: string }) =>
      answer<Notification>(
        id
          ? client.PATCH(`${list}/{id}`, { body, params: { path: { id } } })
          : client.POST(list, { body, params: once(key) }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['notifications'] }),
  })
}

export function useRemoveNotification() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE(`${list}/{id}`, { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['notifications'] }),
  })
}

export function useTestNotification() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => answer(client.POST(`${list}/{id}/test`, { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['notifications'] }),
  })
}
