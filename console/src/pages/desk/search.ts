// What the address of a desk page may carry: which record is open, what the list is narrowed to, and
// whether a new record is being made. The route loads it, so it knows no descriptions.

export const tabs = ['details', 'comments', 'related', 'history'] as const
export type Tab = (typeof tabs)[number]
export type DeskSearch = { record?: string; tab?: Tab; making?: 'yes' } & { [filter: string]: string | undefined }

const FILTER_CHARS_MAX = 255

export function deskSearch(raw: Record<string, unknown>): DeskSearch {
  const kept = Object.entries(raw).flatMap(([name, value]): [string, string][] => {
    // The router reads what looks like JSON: numbers and booleans come back as such.
    const text = typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
    return text && text.length <= FILTER_CHARS_MAX && /^[a-z_]+$/.test(name) ? [[name, text]] : []
  })
  const { tab, making, ...rest } = Object.fromEntries(kept)
  const known = tabs.find((each) => each === tab)
  return { ...rest, ...(known ? { tab: known } : {}), ...(making ? { making: 'yes' } : {}) }
}
