// A received request by its id alone.
import { queryOptions } from '@tanstack/react-query'

import { answer, client } from './client'
import type { InboundDelivery, InboundWebhook } from './inbound'

const inbound = '/api/v1/inbound-webhooks'
type Found = { delivery: InboundDelivery; webhook: InboundWebhook }

/** It is known by its webhook: each is asked whether it is its own, several at a time. */
async function find(delivery_id: string): Promise<Found | null> {
  let cursor: string | undefined
  do {
    const page = await answer(client.GET(inbound, { params: { query: { limit: 100, cursor } } }))
    for (let first = 0; first < page.data.length; first += AT_ONCE) {
      const asked = page.data.slice(first, first + AT_ONCE).map((webhook) => ask(webhook, delivery_id))
      const found = (await Promise.all(asked)).find((each) => each !== null)
      if (found) return found
    }
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return null
}

const AT_ONCE = 6

async function ask(webhook: InboundWebhook, delivery_id: string): Promise<Found | null> {
  const { data } = await client.GET(`${inbound}/{id}/deliveries/{delivery_id}`, {
    params: { path: { id: webhook.id, delivery_id } },
  })
  return data ? { delivery: data, webhook } : null
}

export const receivedQuery = (delivery_id: string) =>
  queryOptions({ queryKey: ['inbound', 'received', delivery_id], queryFn: () => find(delivery_id) })
