import { expect, test } from 'vitest'

import type { Notification } from '../../api/notifications'
import { bodyOf, valuesOf } from './notificationValues'

test('a rule comes back from its form as it was', () => {
  const rule = {
    name: 'night watch',
    enabled: true,
    cooldown_seconds: 60,
    channel: { type: 'smtp', to: ['a@example.com'] },
    triggers: [{ type: 'dead_letters', count: 3, window_seconds: 60 }, { type: 'destination_disabled' }],
  } as unknown as Notification
  expect(bodyOf(valuesOf(rule))).toEqual({
    name: 'night watch',
    enabled: true,
    cooldown_seconds: 60,
    channel: { type: 'smtp', to: ['a@example.com'] },
    triggers: [{ type: 'destination_disabled' }, { type: 'dead_letters', count: 3, window_seconds: 60 }],
  })
})

test("a chat's address that is not typed anew is kept", () => {
  const rule = { name: 'chat', channel: { type: 'slack' }, triggers: [] } as unknown as Notification
  expect(bodyOf(valuesOf(rule)).channel).toEqual({ type: 'slack' })
  expect(bodyOf({ ...valuesOf(rule), url: ' https://hooks.example/x ' }).channel).toEqual({ type: 'slack', url: 'https://hooks.example/x' })
})
