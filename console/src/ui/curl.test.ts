import { expect, test } from 'vitest'

import { callInboundCurl, publishCurl } from './curl'
import { domId } from './domId'

test('commands carry the address of this installation and no secret', () => {
  expect(publishCurl()).toContain(`${location.origin}/api/v1/events`)
  expect(publishCurl()).toContain('$HOOKSWITCH_TOKEN')
})

test('a call to an inbound webhook authenticates as the webhook asks', () => {
  const url = 'https://hooks.example/api/inbound/acme/monitoring'
  const signed = callInboundCurl({ url, auth_type: 'hmac_sha256', auth_config: { signature_header: 'X-Sig' } })
  expect(signed).toContain('X-Sig: $SIGNATURE')
  expect(callInboundCurl({ url, auth_type: 'bearer' })).toContain('Bearer $SECRET')
  expect(callInboundCurl({ url, auth_type: 'path_token', auth_config: { param: 'key' } })).toContain(`"${url}?key=$SECRET"`)
  expect(callInboundCurl({ url, auth_type: 'ip_allowlist' })).not.toContain('SECRET')
})

test('element ids are kebab-case', () => {
  expect(domId('open', 'dst_01HGW', '--x')).toBe('open-dst-01hgw-x')
})
