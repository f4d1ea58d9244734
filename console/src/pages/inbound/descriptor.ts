// How a sender signs, as the form holds it and as the API has it.
import type { Schemas } from '../../api/client'

export type Descriptor = Schemas['InboundSignatureDescriptor']

export const algorithms = ['hmac_sha256', 'hmac_sha512', 'hmac_sha1', 'ed25519', 'ecdsa_p256'] as const
export const encodings = ['hex', 'base64', 'base64url'] as const
export const separators = ['none', 'space', 'comma', 'semicolon'] as const
export const keys = ['text', 'base64', 'hex', 'sha256'] as const
export const units = ['seconds', 'milliseconds', 'rfc3339'] as const
/** Where the time of signing stands. */
export const timePlaces = ['header', 'prefix', 'path'] as const
export type TimePlace = (typeof timePlaces)[number]

export type DescriptorValues = {
  signature_header: string
  template: string
  algorithm: string
  encoding: string
  prefix: string
  prefix_optional: boolean
  separator: string
  key: string
  timePlace: TimePlace
  time: string
  timestamp_unit: string
  tolerance_seconds: number | ''
  id_header: string
}

export function descriptorValues(descriptor: Partial<Descriptor> = {}): DescriptorValues {
  const { timestamp_header, timestamp_prefix, timestamp_path } = descriptor
  return {
    signature_header: descriptor.signature_header ?? 'X-Signature',
    template: descriptor.template ?? '{body}',
    algorithm: descriptor.algorithm ?? 'hmac_sha256',
    encoding: descriptor.encoding ?? 'hex',
    prefix: descriptor.prefix ?? '',
    prefix_optional: descriptor.prefix_optional ?? false,
    separator: descriptor.separator ?? 'none',
    key: descriptor.key ?? 'text',
    timePlace: timestamp_prefix ? 'prefix' : timestamp_path ? 'path' : 'header',
    time: timestamp_header ?? timestamp_prefix ?? timestamp_path ?? '',
    timestamp_unit: descriptor.timestamp_unit ?? 'seconds',
    tolerance_seconds: descriptor.tolerance_seconds ?? '',
    id_header: descriptor.id_header ?? '',
  }
}

/** Only what is said: what is left empty is the server's own. */
export function descriptorOf(values: DescriptorValues): Descriptor {
  const { timePlace, time, timestamp_unit, tolerance_seconds, id_header, ...rest } = values
  return {
    ...rest,
    signature_header: rest.signature_header.trim(),
    ...(time.trim() ? { [`timestamp_${timePlace}`]: time.trim(), timestamp_unit } : {}),
    ...(tolerance_seconds === '' ? {} : { tolerance_seconds }),
    ...(id_header.trim() ? { id_header: id_header.trim() } : {}),
  } as Descriptor
}
