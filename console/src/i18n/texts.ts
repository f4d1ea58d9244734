// The texts of a catalogue, one by one: for what checks them.
type Catalogue = { [key: string]: string | Catalogue }

export function texts(catalogue: Catalogue, path = ''): [string, string][] {
  return Object.entries(catalogue).flatMap(([key, value]) =>
    typeof value === 'string' ? [[path + key, value] as [string, string]] : texts(value, `${path}${key}.`),
  )
}

/** Languages differ in their plural forms, not in what is counted. */
export const withoutPlural = (key: string) => key.replace(/_(one|many|other)$/, '_n')
