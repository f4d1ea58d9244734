// What a webhook does, as its form holds it: rules in their order, of which the first that is true runs.
import type { InboundWebhook } from '../../api/inbound'

export type RuleValues = {
  /** Keeps a rule itself while it moves. */
  key: string
  /** Empty: always. */
  when: string
  action: string
  mapping: Record<string, string>
}
type Handler = NonNullable<InboundWebhook['handler_config']>
export type DirectHandler = Extract<Handler, { type: 'direct_action' }>

let made = 0
export const newRule = (given: Partial<Omit<RuleValues, 'key'>> = {}): RuleValues => ({
  key: `rule-${++made}`,
  when: '',
  action: '',
  mapping: {},
  ...given,
})

/** At least one, to be filled in. */
export function rulesOf(handler: Handler | null | undefined): RuleValues[] {
  if (handler?.type !== 'direct_action') return [newRule()]
  if (handler.rules && handler.rules.length > 0) {
    return handler.rules.map(({ when, action, field_mapping }) =>
      newRule({ when: when ?? '', action, mapping: { ...field_mapping } }),
    )
  }
  return [newRule({ action: handler.action ?? '', mapping: { ...handler.field_mapping } })]
}

const written = (mapping: Record<string, string>) =>
  Object.fromEntries(Object.entries(mapping).filter(([, expression]) => expression.trim()))

/** One rule without a condition is an action with its mapping; nothing chosen is no handler. */
export function handlerOf(rules: RuleValues[]): DirectHandler | undefined {
  const chosen = rules.filter(({ action }) => action)
  const [first] = chosen
  if (!first) return undefined
  if (chosen.length === 1 && !first.when.trim()) {
    return { type: 'direct_action', action: first.action, field_mapping: written(first.mapping) }
  }
  const each = ({ when, action, mapping }: RuleValues) => ({
    ...(when.trim() ? { when: when.trim() } : {}),
    action,
    field_mapping: written(mapping),
  })
  return { type: 'direct_action', rules: chosen.map(each) }
}

/** Where a rule stands among those that are sent: one without an action isn't. */
export function placeOf(rules: RuleValues[], rule: RuleValues): number | undefined {
  const place = rules.filter(({ action }) => action).indexOf(rule)
  return place < 0 ? undefined : place
}

/** With the one at `from` at `to`. */
export function moved<T>(list: T[], from: number, to: number): T[] {
  const rest = list.filter((_, place) => place !== from)
  const one = list[from]
  return one === undefined || to < 0 || to >= list.length ? list : [...rest.slice(0, to), one, ...rest.slice(to)]
}
