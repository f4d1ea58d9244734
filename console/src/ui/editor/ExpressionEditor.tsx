// An input for a JSONata expression: label, hint, complaint, and the editor between them.
import { Input } from '@mantine/core'
import { type ReactNode, Suspense, lazy } from 'react'

import type { EditorProps } from './JsonataEditor'

const JsonataEditor = lazy(() => import('./JsonataEditor').then((loaded) => ({ default: loaded.JsonataEditor })))

type Props = Omit<EditorProps, 'labelledBy' | 'describedBy'> & {
  label: ReactNode
  description?: ReactNode
  required?: boolean
}

export function ExpressionEditor({ id, label, description, required = false, fault, ...rest }: Props) {
  const field = `${id}-field`
  const described = [description ? `${field}-description` : '', fault ? `${field}-error` : ''].filter(Boolean).join(' ')
  return (
    <Input.Wrapper
      id={field}
      label={label}
      description={description}
      required={required}
      error={fault?.detail}
      labelElement="div"
      inputWrapperOrder={['label', 'description', 'input', 'error']}
      labelProps={{ onClick: () => document.getElementById(id)?.focus() }}
    >
      <Suspense fallback={<pre className="expression-waiting">{rest.value || ' '}</pre>}>
        <JsonataEditor
          id={id}
          labelledBy={`${field}-label`}
          {...(described ? { describedBy: described } : {})}
          {...(fault ? { fault } : {})}
          {...rest}
        />
      </Suspense>
    </Input.Wrapper>
  )
}
