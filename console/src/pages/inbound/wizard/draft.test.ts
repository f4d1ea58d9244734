import { expect, test } from 'vitest'

import type { InboundAction } from '../../../api/inbound'
import { draftMapping } from './draft'

const field = (name: string, required = false, type = 'string') => ({ name, type, required, description: '' })
const action = {
  name: 'createTicket',
  entityType: 'ticket',
  displayName: '',
  description: '',
  targetFields: [field('title', true), field('description'), field('external_id'), field('priority_id', false, 'ref')],
} as InboundAction

test('places are taken by what they are called, the nearest first', () => {
  const document = { alert: { id: 17, message: 'Disk full', priority_id: 'x', node: { subject: 'deep' } }, subject: 'Top' }
  expect(draftMapping(action, document)).toEqual({
    title: 'subject',
    description: 'alert.message',
    external_id: '$string(alert.id)',
  })
})

test('what is required gets the first text there is', () => {
  expect(draftMapping(action, { what: 'Smoke' })).toEqual({ title: 'what' })
  expect(draftMapping(action, [])).toEqual({})
})
