// Idempotency keys: a repeated click, or a repeat after a broken connection, must not create two.
import { useState } from 'react'

export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The same wish has the same key until it is done. */
export function useIntent() {
  const [intent] = useState(() => {
    let kept = { body: '', key: '' }
    return {
      keyFor(body: unknown) {
        const text = JSON.stringify(body)
        if (kept.body !== text) kept = { body: text, key: randomKey() }
        return kept.key
      },
      done() {
        kept = { body: '', key: '' }
      },
    }
  })
  return intent
}

/** As a header parameter of the generated client. */
export const once = (key: string) => ({ header: { 'Idempotency-Key': key } })
