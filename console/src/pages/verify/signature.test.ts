// @vitest-environment node
import { createHmac } from 'node:crypto'

import { expect, test } from 'vitest'

import { type Input, check, headersOf } from './signature'

const now = 1_700_000_000_000
const body = '{"a":1}'
const key = Buffer.from('0123456789abcdef0123456789abcdef')
const secret = `whsec_${key.toString('base64')}`
const standard = createHmac('sha256', key).update(`msg_1.1700000000.${body}`).digest('base64')
const headers = `webhook-id: msg_1\nWebhook-Timestamp: 1700000000\nwebhook-signature: v1a,other v1,${standard}`
const input = (change: Partial<Input> = {}): Input => ({ profile: 'standard', headers, body, secret, now, ...change })
const last = async (change?: Partial<Input>) => (await check(input(change))).at(-1)

test('a good request passes every step', async () => {
  expect((await check(input())).map(({ step, ok }) => [step, ok])).toEqual([
    ['headers', true],
    ['timestamp', true],
    ['secret', true],
    ['signature', true],
  ])
})

test('what is wrong is named', async () => {
  expect((await last({ headers: 'webhook-signature: v1,x' }))?.detail).toEqual({ kind: 'missing', name: 'webhook-timestamp' })
  expect((await last({ secret: '' }))?.detail).toEqual({ kind: 'emptySecret' })
  expect((await last({ secret: 'whsec_???' }))?.detail).toEqual({ kind: 'notBase64' })
  expect((await check(input({ now: now + 301_000 })))[1]?.detail).toEqual({ kind: 'old', seconds: 301 })
  expect((await last({ body: '{"a":2}' }))?.detail).toMatchObject({ kind: 'differs', given: standard })
})

test('the usual faults are recognised', async () => {
  expect((await last({ body: `${body}\n` }))?.detail).toMatchObject({ hint: 'trimmed' })
  expect((await last({ body: '{\n  "a": 1\n}' }))?.detail).toMatchObject({ hint: 'prettified' })
  const raw = createHmac('sha256', secret).update(`msg_1.1700000000.${body}`).digest('base64')
  expect((await last({ headers: headers.replace(standard, raw) }))?.detail).toMatchObject({ hint: 'rawSecret' })
})

test.each([
  ['oneprotect', (hex: string) => `X-OneProtect-Signature: ${hex}\nX-OneProtect-Timestamp: 1700000000`],
  ['fr022', (hex: string) => `X-Signature: sha256=${hex}\nX-Timestamp: 1700000000`],
  ['alga', (hex: string) => `X-Alga-Signature: t=1700000000,v1=${hex}`],
] as const)('%s is checked as it is sent', async (profile, lines) => {
  const hex = createHmac('sha256', 'shared secret').update(`1700000000.${body}`).digest('hex')
  expect((await last({ profile, secret: 'shared secret', headers: lines(hex) }))?.ok).toBe(true)
  expect((await last({ profile, secret: 'other', headers: lines(hex) }))?.ok).toBe(false)
})

test('headers are read as tools print them', () => {
  expect(headersOf('> Webhook-Id: a\r\n< x-b:  c  \nno header')).toEqual(new Map([['webhook-id', 'a'], ['x-b', 'c']]))
})
