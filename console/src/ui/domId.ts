/** A kebab-case element id from any parts: `domId('open', 'dst_01h')` is `open-dst-01h`. */
export function domId(...parts: (string | number)[]): string {
  return parts
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
}
