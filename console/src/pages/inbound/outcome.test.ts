import { expect, test } from 'vitest'

import { dispatchOf, outcomeOf } from './outcome'

test('what an action did names its record', () => {
  const handler_outcome = { entity_type: 'ticket', entity_id: 'tkt_1', result: 'created' }
  expect(outcomeOf({ handler_outcome })).toEqual({ kind: 'done', entity: 'ticket', id: 'tkt_1', result: 'created' })
})

test('an error is told before anything else', () => {
  expect(outcomeOf({ handler_outcome: {}, error: 'mapping_failed: title' })).toEqual({
    kind: 'text',
    text: 'mapping_failed: title',
  })
})

test('skipped, empty and unknown outcomes', () => {
  expect(outcomeOf({ handler_outcome: { skipped: true } })).toEqual({ kind: 'skipped' })
  expect(outcomeOf({ handler_outcome: { duplicate_of: 'ind_1' } })).toEqual({ kind: 'duplicate', of: 'ind_1' })
  expect(outcomeOf({})).toEqual({ kind: 'none' })
  expect(outcomeOf({ handler_outcome: { run_id: 'run_1' } })).toEqual({ kind: 'text', text: '{"run_id":"run_1"}' })
})

test('a request that was not let in is rejected, not failed', () => {
  expect(dispatchOf({ auth_status: 'rejected_signature', dispatch_status: 'failed' })).toBe('rejected')
  expect(dispatchOf({ auth_status: 'verified', dispatch_status: 'duplicate' })).toBe('duplicate')
})
