import { CompletionContext } from '@codemirror/autocomplete'
import { EditorState } from '@codemirror/state'
import { expect, test } from 'vitest'

import { completionsOf, jsonata } from './jsonata'

const places = [{ path: 'alert.title', type: 'string', sample: '"Disk"' }]
function offered(text: string, explicit = false) {
  const state = EditorState.create({ doc: text, extensions: [jsonata] })
  return completionsOf(() => places)(new CompletionContext(state, text.length, explicit))
}
const labels = (text: string, explicit = false) => offered(text, explicit)?.options.map(({ label }) => label) ?? []

test('paths of the sample are offered where one is being written, with what stands there', () => {
  expect(offered("'a' & al")).toMatchObject({ from: 6, options: [{ label: 'alert.title', detail: '"Disk"' }] })
  expect(offered('$sum(alert.')?.from).toBe(5)
})

test('functions are offered behind a dollar, with what they take', () => {
  expect(labels('$')).toContain('$uppercase')
  expect(offered('x & $sub')).toMatchObject({ from: 4 })
})

test('nothing is offered unasked, everything when it is asked for', () => {
  expect(labels('a = ')).toEqual([])
  expect(labels('a = ', true)).toEqual(expect.arrayContaining(['alert.title', '$now']))
})
