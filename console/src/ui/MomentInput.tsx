import { TextInput } from '@mantine/core'

/** A moment in the reader's own zone, as the browser asks for it; handed on as the API writes it. */
type Props = { id: string; label: string; value: string | undefined; onChange: (moment: string | undefined) => void }

const two = (figure: number) => String(figure).padStart(2, '0')

/** `2026-01-31T13:00` in local time, or nothing. */
export function localOf(moment: string | undefined): string {
  const date = new Date(moment ?? '')
  if (Number.isNaN(date.getTime())) return ''
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`
}

export function MomentInput({ id, label, value, onChange }: Props) {
  function change(text: string) {
    const date = new Date(text)
    onChange(text && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined)
  }
  return (
    <TextInput
      id={id}
      size="xs"
      type="datetime-local"
      label={label}
      defaultValue={localOf(value)}
      onChange={(event) => change(event.currentTarget.value)}
    />
  )
}
