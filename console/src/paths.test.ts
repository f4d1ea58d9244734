import { expect, test } from 'vitest'

import { safeReturn } from './paths'

test('after signing in one only ever goes to a place inside the console', () => {
  expect(safeReturn('/deliveries?state=parked')).toBe('/deliveries?state=parked')
  for (const wish of [
    undefined,
    '',
    'deliveries',
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/sign-in?back=x',
  ]) {
    expect(safeReturn(wish), wish).toBe('/')
  }
})
