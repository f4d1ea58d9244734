// One field of an action: a fixed value or an expression, and what it gives.
import { Group, SegmentedControl, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { InboundAction, InboundPreview } from '../../api/inbound'
import { domId } from '../../ui/domId'
import { ExpressionEditor } from '../../ui/editor/ExpressionEditor'
import type { Insert } from '../../ui/editor/JsonataEditor'
import { StaticValue } from './StaticValue'
import { type Leaf, type Mode, modeOf } from './mapping'

type Field = InboundAction['targetFields'][number]
type Props = {
  /** Before the ids: several rules may have the same field. */
  scope: string
  field: Field
  expression: string
  places: Leaf[]
  preview: InboundPreview['fields'][number] | undefined
  onFocus: (insert: Insert) => void
  onChange: (expression: string) => void
}

export function MappingField({ scope, field, expression, places, preview, onFocus, onChange }: Props) {
  const { t } = useTranslation()
  const known = modeOf(expression)
  const [mode, setMode] = useState<Mode>(expression.trim() === '' ? 'expression' : known.mode)
  const id = domId(scope, 'map', field.name)
  // What is said of another text than the one that stands here is old.
  const current = preview && (preview.expression ?? '').trim() === expression.trim() ? preview : undefined
  const fault = current?.error ?? undefined
  const shown = preview && !preview.error ? preview.value : undefined
  return (
    <div className="mapping-field">
      <SegmentedControl
        className="mapping-mode"
        name={domId(scope, 'mode', field.name)}
        aria-label={t('inboundForm.modeOf', { field: field.name })}
        size="xs"
        value={mode}
        onChange={(value) => setMode(value === 'static' ? 'static' : 'expression')}
        data={[
          { value: 'expression', label: t('inboundForm.expression') },
          { value: 'static', label: t('inboundForm.static') },
        ]}
      />
      {mode === 'expression' ? (
        <ExpressionEditor
          id={id}
          label={<Name field={field} />}
          description={field.description}
          required={field.required}
          value={expression}
          places={places}
          {...(fault ? { fault } : {})}
          onFocus={onFocus}
          onChange={onChange}
        />
      ) : (
        <>
          <Text size="sm" fw={500} component="label" htmlFor={id}>
            <Name field={field} />
          </Text>
          <StaticValue id={id} field={field} value={known.mode === 'static' ? known.value : ''} error={fault?.detail} onChange={onChange} />
        </>
      )}
      {shown !== undefined && shown !== null && (
        <Group gap={4} id={domId(scope, 'gives', field.name)} className="gives">
          <Text size="xs" c="dimmed">
            {t('inboundForm.gives')}
          </Text>
          <code className="mono">{JSON.stringify(shown)}</code>
        </Group>
      )}
    </div>
  )
}

function Name({ field }: { field: Field }) {
  return (
    <>
      {field.name}{' '}
      <Text span size="xs" c="dimmed" fw={400}>
        {field.type}
      </Text>
    </>
  )
}
