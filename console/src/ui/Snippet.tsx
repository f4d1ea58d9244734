import { Copy } from './Copy'

/** A command to be copied into a terminal. */
export function Snippet({ id, text, what = 'curl' }: { id: string; text: string; what?: string }) {
  return (
    <div className="snippet">
      <pre>{text}</pre>
      <Copy id={id} text={text} what={what} />
    </div>
  )
}
