// Static values and expressions: how a mapped field is written, and what of a sample an expression may name.

export type Mode = 'static' | 'expression'
export type FieldType = string
type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What kind of value an expression is: a literal is static, everything else is evaluated. */
export function modeOf(expression: string): { mode: Mode; value: string } {
  const text = expression.trim()
  if (text === '') return { mode: 'static', value: '' }
  const quoted = /^'((?:[^'\\]|\\.)*)'$/.exec(text) ?? /^"((?:[^"\\]|\\.)*)"$/.exec(text)
  if (quoted) return { mode: 'static', value: (quoted[1] ?? '').replace(/\\(["'\\])/g, '$1') }
  if (/^-?\d+(\.\d+)?$/.test(text) || text === 'true' || text === 'false') return { mode: 'static', value: text }
  return { mode: 'expression', value: expression }
}

/** A static value as the expression that says it; nothing where the value does not fit the field's type. */
export function literalOf(type: FieldType, value: string): string | undefined {
  const text = value.trim()
  if (text === '') return ''
  if (type === 'int') return /^-?\d+$/.test(text) ? text : undefined
  if (type === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? text : undefined
  if (type === 'boolean') return /^(true|false)$/i.test(text) ? text.toLowerCase() : undefined
  return JSON.stringify(value)
}

/** A place of a sample, and what is inside it. */
export type Branch = Leaf & { name: string; inside: Branch[] }
export type Leaf = { path: string; type: string; sample: string }

const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/
const step = (name: string) => (plainName.test(name) ? name : `\`${name.replaceAll('`', '')}\``)

function typeOf(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** What a sample holds, as a tree in its order; of a list, its first item. */
export function treeOf(sample: unknown, path = '', depth = 0): Branch[] {
  const value = sample as Json | undefined
  if (depth > 8 || value === null || typeof value !== 'object') return []
  const entries: [string, string, Json][] = Array.isArray(value)
    ? value.slice(0, 1).map((each) => ['[0]', `${path}[0]`, each])
    : Object.entries(value).map(([name, each]) => [name, path ? `${path}.${step(name)}` : step(name), each])
  return entries.map(([name, at, each]) => ({
    name,
    path: at,
    type: typeOf(each),
    sample: short(each),
    inside: treeOf(each, at, depth + 1),
  }))
}

/** Every place of a sample that an expression may name. */
export const leavesOf = (sample: unknown): Leaf[] => flat(treeOf(sample))
const flat = (branches: Branch[]): Leaf[] => branches.flatMap(({ path, type, sample, inside }) => [{ path, type, sample }, ...flat(inside)])

function short(value: Json): string {
  const text = value !== null && typeof value === 'object' ? (Array.isArray(value) ? '[…]' : '{…}') : JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
