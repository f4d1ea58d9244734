// A notification rule as its form holds it, and back.
import type { Notification, NotificationBody } from '../../api/notifications'

export const triggerNames = ['destination_disabled', 'inbound_webhook_disabled', 'dead_letters', 'oldest_due_age'] as const
export type TriggerName = (typeof triggerNames)[number]
export type Channel = 'smtp' | 'slack' | 'teams'
export type Values = {
  name: string
  enabled: boolean
  channel: Channel
  to: string[]
  url: string
  triggers: TriggerName[]
  count: number
  window_seconds: number
  seconds: number
  cooldown_seconds: number
}

type Loose = Record<string, unknown>
const channelOf = (type: unknown): Channel => (type === 'slack' || type === 'teams' ? type : 'smtp')
const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)

export function valuesOf(rule: Notification | undefined): Values {
  const channel = (rule?.channel ?? {}) as Loose
  const triggers = (rule?.triggers ?? []) as Loose[]
  const trigger = (name: TriggerName): Loose => triggers.find(({ type }) => type === name) ?? {}
  return {
    name: rule?.name ?? '',
    enabled: rule?.enabled ?? true,
    channel: channelOf(channel.type),
    to: Array.isArray(channel.to) ? channel.to.map(String) : [],
    url: '',
    triggers: rule ? triggerNames.filter((name) => triggers.some(({ type }) => type === name)) : ['destination_disabled'],
    count: number(trigger('dead_letters').count, 10),
    window_seconds: number(trigger('dead_letters').window_seconds, 3600),
    seconds: number(trigger('oldest_due_age').seconds, 900),
    cooldown_seconds: rule?.cooldown_seconds ?? 3600,
  }
}

export function bodyOf(values: Values): NotificationBody {
  const { name, enabled, channel, to, url, cooldown_seconds } = values
  const triggers = values.triggers.map((type) => {
    if (type === 'dead_letters') return { type, count: values.count, window_seconds: values.window_seconds }
    return type === 'oldest_due_age' ? { type, seconds: values.seconds } : { type }
  })
  const reached = channel === 'smtp' ? { to } : url.trim() ? { url: url.trim() } : {}
  return {
    name: name.trim(),
    enabled,
    cooldown_seconds,
    channel: { type: channel, ...reached },
    triggers: triggers as NotificationBody['triggers'],
  }
}
