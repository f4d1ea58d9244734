import { Copy } from './Copy'

/** Text as it is, in a frame that scrolls: payloads and answers, which are hostile. */
export function Code({ id, text, label }: { id: string; text: string; label: string }) {
  return (
    <div className="snippet">
      <pre id={id} className="answer" aria-label={label} role="group" tabIndex={0}>
        {text}
      </pre>
      <Copy id={`${id}-copy`} text={text} what={label} />
    </div>
  )
}

/** JSON to be read by people; what is none stays as it is. */
export function pretty(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2) ?? ''
  try {
    return JSON.stringify(JSON.parse(value), null, 2)
  } catch {
    return value
  }
}
