// The server's complaints, beside the inputs that they are about.
import { Problem } from '../api/problem'

/** By the first part of the field's path: `policy.timeout_ms` belongs to `policy` where no input has the whole name. */
export function serverErrors(error: unknown, known: readonly string[]): Record<string, string> {
  if (!(error instanceof Problem)) return {}
  const found: Record<string, string> = {}
  for (const { field, detail } of error.fields) {
    const name = known.find((each) => each === field) ?? known.find((each) => field.startsWith(`${each}.`) || field.startsWith(`${each}[`))
    if (name) found[name] = found[name] ? `${found[name]} ${detail}` : detail
  }
  return found
}
