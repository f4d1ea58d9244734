import { useFormats } from '../i18n/format'

/** A moment, short; the whole of it, with its time zone, on hover. */
export function Time({ at }: { at: string | number }) {
  const { short, whole } = useFormats()
  return (
    <time dateTime={new Date(at).toISOString()} title={whole(at)}>
      {short(at)}
    </time>
  )
}
