import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'

import { type Auth, sampleRequest } from './send'

const url = 'https://hooks.example.com/api/inbound/acme/alerts'
const now = 1_700_000_000_000
const body = '{"alert":1}'
const make = (auth: unknown, secret = 'shhh') => sampleRequest({ auth: auth as Auth, secret, url, body, now })
const hmac = (text: string, key: string | Buffer = 'shhh') => createHmac('sha256', key).update(text)

test('each scheme is proven as its sender does it', async () => {
  expect(await make({ type: 'hmac_sha256', signature_header: 'X-Sig' })).toEqual({
    path: '/api/inbound/acme/alerts',
    headers: { 'X-Sig': hmac(body).digest('hex') },
    body,
  })
  expect((await make({ type: 'bearer' }))?.headers).toEqual({ Authorization: 'Bearer shhh' })
  expect((await make({ type: 'path_token', param: 'key' }, 'a&b'))?.path).toBe('/api/inbound/acme/alerts?key=a%26b')
  expect((await make({ type: 'basic', username: 'u' }))?.headers).toEqual({ Authorization: `Basic ${btoa('u:shhh')}` })
  expect((await make({ type: 'body_field', path: 'value[].clientState' }))?.body).toBe(
    '{"alert":1,"value":[{"clientState":"shhh"}]}',
  )
})

test('a descriptor signs what its template says, and puts the time where it says', async () => {
  const stripe = { signature_header: 'S', template: '{timestamp}.{body}', prefix: 'v1=', separator: 'comma', timestamp_prefix: 't=' }
  expect((await make({ type: 'signature', descriptor: stripe }))?.headers).toEqual({
    S: `t=1700000000,v1=${hmac(`1700000000.${body}`).digest('hex')}`,
  })
  const standard = {
    signature_header: 'webhook-signature',
    template: '{id}.{timestamp}.{body}',
    encoding: 'base64',
    prefix: 'v1,',
    separator: 'space',
    key: 'base64',
    id_header: 'webhook-id',
    timestamp_header: 'webhook-timestamp',
  }
  const key = Buffer.alloc(32, 7)
  const made = await make({ type: 'signature', descriptor: standard }, `whsec_${key.toString('base64')}`)
  const text = `${made?.headers['webhook-id'] ?? ''}.1700000000.${body}`
  expect(made?.headers['webhook-signature']).toBe(`v1,${hmac(text, key).digest('base64')}`)
})

test('what only the sender can sign is not pretended', async () => {
  const foreign = { signature_header: 'S', template: '{body}', algorithm: 'ed25519' }
  expect(await make({ type: 'signature', descriptor: foreign })).toBeUndefined()
  expect(await make({ type: 'signature', descriptor: { signature_header: 'S', template: '{url}{sorted_form}' } })).toBeUndefined()
})
