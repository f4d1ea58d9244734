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

export type Leaf = { path: string; type: string; sample: string }

const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/
const step = (name: string) => (plainName.test(name) ? name : `\`${name.replaceAll('`', '')}\``)

function typeOf(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** Every place of a sample that an expression may name, in its order; of a list, its first item. */
export function leavesOf(sample: unknown, path = '', depth = 0): Leaf[] {
  const value = sample as Json
  if (depth > 8 || value === undefined) return []
  const here = path ? [{ path, type: typeOf(value), sample: short(value) }] : []
  if (Array.isArray(value)) return [...here, ...leavesOf(value[0], `${path}[0]`, depth + 1)]
  if (value === null || typeof value !== 'object') return here
  const inner = Object.entries(value).flatMap(([name, each]) =>
    leavesOf(each, path ? `${path}.${step(name)}` : step(name), depth + 1),
  )
  return [...here, ...inner]
}

function short(value: Json): string {
  const text = value !== null && typeof value === 'object' ? (Array.isArray(value) ? '[…]' : '{…}') : JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
