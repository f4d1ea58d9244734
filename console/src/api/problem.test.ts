import { expect, test } from 'vitest'

import { Problem, problemOf } from './problem'

test('each field is told its own problem, and no other', () => {
  const errors = [
    { field: 'name', code: 'required', detail: 'must not be empty' },
    { field: 'endpoint_url', code: 'scheme', detail: 'must use https' },
  ]
  const problem = new Problem(400, { detail: '2 fields are wrong', errors })
  expect(problem.at('name')).toBe('must not be empty')
  expect(problem.at('endpoint_url')).toBe('must use https')
  expect(problem.at('event_types')).toBeUndefined()
})

test('an answer that is no problem document keeps its status and request id', () => {
  const response = new Response('<h1>Bad Gateway</h1>', { status: 502, headers: { 'x-request-id': 'req_7' } })
  const problem = problemOf(response, '<h1>Bad Gateway</h1>')
  expect([problem.status, problem.detail, problem.requestId, problem.fields]).toEqual([502, undefined, 'req_7', []])
})
