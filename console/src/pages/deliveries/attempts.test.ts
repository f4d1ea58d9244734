import { expect, test } from 'vitest'

import { lastAnswer } from './lastAnswer'
import { markOf } from './mark'
import { phasesOf, wasKept } from './phases'

test('phases stand in order, and the rest of the time is shown as such', () => {
  const timings = { dns_us: 1000, connect_us: 2000, tls_us: 3000, first_byte_us: 4000, total_us: 12_000 }
  expect(phasesOf(timings).map(({ phase, us }) => [phase, us])).toEqual([
    ['dns', 1000],
    ['connect', 2000],
    ['tls', 3000],
    ['wait', 4000],
    ['rest', 2000],
  ])
  expect(wasKept(timings)).toBe(false)
})

test('a kept connection has no phases of connecting', () => {
  const timings = { dns_us: null, connect_us: null, tls_us: null, first_byte_us: 4000, total_us: 4000 }
  expect(phasesOf(timings)).toEqual([{ phase: 'wait', us: 4000 }])
  expect(wasKept(timings)).toBe(true)
})

test('nothing was sent, nothing is drawn', () => {
  expect(phasesOf({})).toEqual([])
  expect(wasKept({ dns_us: 500, total_us: 500 })).toBe(false)
})

test('an attempt is marked by what it means for its delivery', () => {
  expect(markOf({ outcome: 'accepted', retryable: false })).toBe('accepted')
  expect(markOf({ outcome: 'retryable', retryable: true })).toBe('retryable')
  expect(markOf({ outcome: 'exhausted', retryable: false })).toBe('exhausted')
  expect(markOf({ outcome: 'terminal', retryable: false })).toBe('terminal')
  expect(markOf({ outcome: 'refused', retryable: false })).toBe('terminal')
  expect(markOf({ outcome: 'secret_unavailable', retryable: true })).toBe('held')
  expect(markOf({ outcome: 'interrupted', retryable: true })).toBe('interrupted')
})

test('the last answer names its status once', () => {
  expect(lastAnswer({ last_status: 200 })).toBe('200')
  expect(lastAnswer({ last_status: 503, last_reason: 'the receiver answered 503' })).toBe('the receiver answered 503')
  expect(lastAnswer({ last_status: 200, last_reason: 'the answer did not end' })).toBe('200: the answer did not end')
  expect(lastAnswer({ last_reason: 'connection refused' })).toBe('connection refused')
  expect(lastAnswer({})).toBeUndefined()
})
