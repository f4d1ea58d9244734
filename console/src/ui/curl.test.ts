import { expect, test } from 'vitest'

import { callInboundCurl, publishCurl, sampleBody } from './curl'
import { domId } from './domId'

test('commands carry the address of this installation and no secret', () => {
  expect(publishCurl()).toContain(`${location.origin}/api/v1/events`)
  expect(publishCurl()).toContain('$HOOKSWITCH_TOKEN')
})

test('a call to an inbound webhook authenticates as the webhook asks', () => {
  const url = 'https://hooks.example/api/inbound/acme/monitoring'
  const signed = callInboundCurl({ url, auth_config: { type: 'hmac_sha256', signature_header: 'X-Sig' } })
  expect(signed).toContain('X-Sig: $SIGNATURE')
  expect(callInboundCurl({ url, auth_config: { type: 'bearer' } })).toContain('Bearer $SECRET')
  expect(callInboundCurl({ url, auth_config: { type: 'path_token', param: 'key' } })).toContain(`"${url}?key=$SECRET"`)
  expect(callInboundCurl({ url, auth_config: { type: 'ip_allowlist', ip_cidrs: [] } })).not.toContain('SECRET')
})

test('a sample body holds what the mapping looks for', () => {
  const mapping = {
    title: "alert.device.name & ': ' & $uppercase(alert.message)",
    external_id: 'alert.id',
    priority: '"high"',
    attributes: "{ 'device': alert.device.name, 'site': site }",
  }
  const alert = { device: { name: 'db-1' }, message: 'Disk full on db-1', id: 'id 1' }
  expect(sampleBody(mapping)).toEqual({ alert, site: 'site 1' })
  expect(sampleBody({ title: 'alert', external_id: 'alert.id' })).toEqual({ alert: { id: 'id 1' } })
  expect(sampleBody()).toEqual({ title: 'Disk full on db-1' })
})

test('element ids are kebab-case', () => {
  expect(domId('open', 'dst_01HGW', '--x')).toBe('open-dst-01hgw-x')
})
