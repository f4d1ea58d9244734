// CodeMirror for one expression. Loaded when the first one is shown, never with a page.
import { autocompletion, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, setDiagnostics } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap, placeholder as placeholderOf } from '@codemirror/view'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { type Place, colours, completionsOf, jsonata } from './jsonata'

export type Fault = { detail: string; position?: number | null }
export type Insert = (text: string) => void
export type EditorProps = {
  id: string
  value: string
  onChange: (value: string) => void
  /** Told with what writes at the cursor: a path that is clicked goes there. */
  onFocus?: (insert: Insert) => void
  labelledBy: string
  describedBy?: string
  fault?: Fault
  places?: Place[]
  placeholder?: string
}

export function JsonataEditor(props: EditorProps) {
  const { t } = useTranslation()
  const { id, value, labelledBy, describedBy, fault, placeholder } = props
  const frame = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const latest = useRef(props)
  const attributes = useRef<Record<string, string>>({})
  const completions = t('editor.completions')
  useEffect(() => {
    latest.current = props
  })
  useEffect(() => {
    attributes.current = {
      id,
      'aria-labelledby': labelledBy,
      ...(describedBy ? { 'aria-describedby': describedBy } : {}),
      ...(fault ? { 'aria-invalid': 'true' } : {}),
    }
    // Attributes are read anew with the next update.
    view.current?.dispatch({})
  }, [id, labelledBy, describedBy, fault])
  useEffect(() => {
    const made = new EditorView({
      ...(frame.current ? { parent: frame.current } : {}),
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          // Tab is in none of them: it leaves the editor, as it leaves every input.
          keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          jsonata,
          syntaxHighlighting(colours),
          bracketMatching(),
          autocompletion({ override: [completionsOf(() => latest.current.places ?? [])], icons: false }),
          EditorState.phrases.of({ Completions: completions }),
          EditorView.lineWrapping,
          placeholder ? placeholderOf(placeholder) : [],
          look,
          // Escape closes the list, and never the form around it with all that was written.
          EditorView.contentAttributes.of(() => ({ ...attributes.current, 'data-mantine-stop-propagation': 'true' })),
          EditorView.domEventHandlers({ focus: (_, focused) => latest.current.onFocus?.((text) => write(focused, text)) }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            const text = state.doc.toString()
            if (docChanged && text !== latest.current.value) latest.current.onChange(text)
          }),
        ],
      }),
    })
    view.current = made
    return () => made.destroy()
  }, [placeholder, completions])
  useEffect(() => {
    const shown = view.current?.state.doc.toString()
    if (shown !== undefined && shown !== value) view.current?.dispatch({ changes: { from: 0, to: shown.length, insert: value } })
  }, [value])
  useEffect(() => {
    const state = view.current?.state
    if (state) view.current?.dispatch(setDiagnostics(state, marksOf(state.doc.toString(), fault)))
  }, [fault, value])
  return <div ref={frame} className="expression" data-fault={fault ? true : undefined} />
}

/** Where the fault is said to be; positions count characters from 1. */
function marksOf(text: string, fault: Fault | undefined): Diagnostic[] {
  if (!fault || typeof fault.position !== 'number' || text === '') return []
  const to = Math.min(Math.max(fault.position, 1), text.length)
  return [{ from: to - 1, to, severity: 'error', message: fault.detail }]
}

/** Behind something that is already there, a path is joined to it. */
function write(view: EditorView, text: string) {
  const before = view.state.sliceDoc(0, view.state.selection.main.from)
  const joint = view.state.selection.main.empty && /[\w)\]}'"`]\s*$/.test(before) ? ' & ' : ''
  view.dispatch(view.state.replaceSelection(joint + text), { scrollIntoView: true })
  view.focus()
}

const look = EditorView.theme({
  '&': {
    fontSize: 'var(--mantine-font-size-sm)',
    border: '1px solid var(--mantine-color-default-border)',
    borderRadius: 'var(--mantine-radius-sm)',
    backgroundColor: 'var(--mantine-color-default)',
    color: 'var(--mantine-color-text)',
  },
  '&.cm-focused': { outline: '2px solid var(--mantine-primary-color-filled)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.55', maxHeight: '14rem', overflow: 'auto' },
  '.cm-content': { padding: '5px 0', minHeight: '32px', caretColor: 'var(--mantine-color-text)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-placeholder': { color: 'var(--mantine-color-dimmed)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--mantine-color-body)',
    color: 'var(--mantine-color-text)',
    border: '1px solid var(--mantine-color-default-border)',
    borderRadius: 'var(--mantine-radius-sm)',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mantine-font-family-monospace)', maxHeight: '14rem' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--mantine-primary-color-filled)',
    color: 'var(--mantine-primary-color-contrast, #fff)',
  },
  '.cm-completionDetail': { fontStyle: 'normal', opacity: '0.85' },
})
