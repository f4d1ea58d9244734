// JSONata for the editor: colours, and completion from what a sample holds and from the language's functions.
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import { HighlightStyle, StreamLanguage } from '@codemirror/language'
import { tags } from '@lezer/highlight'

import { functions } from './functions'

/** A place of the sample that an expression may name. */
export type Place = { path: string; type: string; sample: string }

const COMMENT = 'comment'
const tokens: [RegExp, string][] = [
  [/^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/, 'string'],
  [/^`[^`]*`?/, 'propertyName'],
  [/^\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/, 'number'],
  [/^\$[A-Za-z_]\w*(?=\s*\()/, 'variableName.function'],
  [/^\$\$?(?:[A-Za-z_]\w*)?/, 'variableName'],
  [/^(?:and|or|in|true|false|null|function|λ)(?![\w])/, 'keyword'],
  [/^[A-Za-z_]\w*/, 'propertyName'],
  [/^(?::=|!=|<=|>=|~>|\.\.|\*\*|\?:|\?\?|[-+*/%&=<>?:|^@#.,;])/, 'operator'],
  [/^[()[\]{}]/, 'bracket'],
]

export const jsonata = StreamLanguage.define<{ within: string }>({
  name: 'jsonata',
  startState: () => ({ within: '' }),
  token(stream, state) {
    if (stream.eatSpace()) return null
    if (state.within === COMMENT || stream.match('/*')) {
      state.within = stream.match(/^.*?\*\//) ? '' : COMMENT
      if (state.within) stream.skipToEnd()
      return COMMENT
    }
    const found = tokens.find(([shape]) => stream.match(shape))
    if (!found) stream.next()
    return found?.[1] ?? null
  },
})

/** Enough contrast on the inputs' ground, in light and in dark. */
export const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'light-dark(#7a2e8e, #dcb0e8)' },
  { tag: tags.string, color: 'light-dark(#1d6438, #93d6a8)' },
  { tag: tags.number, color: 'light-dark(#8a4300, #f2b880)' },
  { tag: tags.function(tags.variableName), color: 'light-dark(#1f6190, #93c7ea)' },
  { tag: tags.variableName, color: 'light-dark(#1f6190, #93c7ea)' },
  { tag: tags.comment, color: 'light-dark(#566372, #a5b0bd)', fontStyle: 'italic' },
])

const offered: Completion[] = Object.entries(functions).map(([name, takes]) => ({
  label: `$${name}`,
  detail: `(${takes})`,
  apply: `$${name}(`,
  type: 'function',
}))

const FUNCTION = /\$\w*$/
const PATH = /(?:[A-Za-z_]\w*|`[^`]*`|\[\d*\]|\.)+$/

/** What may stand where the cursor is: functions behind a `$`, else the sample's paths. */
export function completionsOf(places: () => Place[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const called = context.matchBefore(FUNCTION)
    if (called) return { from: called.from, options: offered, validFor: /^\$\w*$/ }
    const named = context.matchBefore(PATH)
    if (!named && !context.explicit) return null
    const options: Completion[] = places().map(({ path, type, sample }) => ({ label: path, detail: sample || type, type: 'property' }))
    const all = context.explicit && !named ? [...options, ...offered] : options
    return { from: named?.from ?? context.pos, options: all, validFor: /^[\w.`[\]]*$/ }
  }
}
