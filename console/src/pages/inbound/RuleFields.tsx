// One rule: when it is meant, its action, and an expression for each of the action's fields.
import { Select, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { InboundAction, InboundPreview, InboundWebhook } from '../../api/inbound'
import { domId } from '../../ui/domId'
import { ExpressionEditor } from '../../ui/editor/ExpressionEditor'
import type { Insert } from '../../ui/editor/JsonataEditor'
import { examples } from '../../ui/examples'
import { MappingField } from './MappingField'
import { leavesOf } from './mapping'
import type { RuleValues } from './ruleValues'
import { type Trial, usePreview } from './useTrial'

export type RuleContext = {
  webhook: InboundWebhook | undefined
  trial: Trial
  split: string
  actions: InboundAction[]
  onFocus: (field: string, insert: Insert) => void
}
type Props = RuleContext & {
  scope: string
  rule: RuleValues
  conditional: boolean
  /** What is said of its condition. */
  judged?: InboundPreview['rules'][number] | undefined
  onChange: (rule: RuleValues) => void
}

export function RuleFields({ scope, rule, conditional, judged, onChange, webhook, trial, split, actions, onFocus }: Props) {
  const { t } = useTranslation()
  const action = actions.find(({ name }) => name === rule.action)
  // As if its condition were true: what each field gives is shown also where another rule would run.
  const { preview } = usePreview(webhook, trial, [{ ...rule, when: '' }], split)
  const places = leavesOf(trial.document)
  const groups = [...new Set(actions.map(({ entityType }) => entityType))].map((group) => ({
    group,
    items: actions.filter(({ entityType }) => entityType === group).map(({ name, displayName }) => ({ value: name, label: displayName })),
  }))
  return (
    <Stack gap="sm">
      {conditional && (
        <ExpressionEditor
          id={domId(scope, 'when')}
          label={t('rules.when')}
          description={t('rules.whenHint')}
          placeholder={examples.when}
          value={rule.when}
          places={places}
          {...(judged?.error && rule.when.trim() ? { fault: judged.error } : {})}
          onFocus={(insert) => onFocus(t('rules.when'), insert)}
          onChange={(when) => onChange({ ...rule, when })}
        />
      )}
      <Select
        id={domId(scope, 'inbound-form-action')}
        label={t('inboundForm.action')}
        description={action?.description ?? t('inboundForm.actionHint')}
        data={groups}
        searchable
        clearable
        clearButtonProps={{ id: domId(scope, 'inbound-form-action-clear'), 'aria-label': t('deliveries.clear') }}
        value={rule.action || null}
        onChange={(value) => onChange({ ...rule, action: value ?? '' })}
      />
      {action?.targetFields.map((field) => (
        <MappingField
          key={`${action.name} ${field.name}`}
          scope={scope}
          field={field}
          expression={rule.mapping[field.name] ?? ''}
          places={places}
          preview={preview?.fields.find(({ name }) => name === field.name)}
          onFocus={(insert) => onFocus(field.name, insert)}
          onChange={(expression) => onChange({ ...rule, mapping: { ...rule.mapping, [field.name]: expression } })}
        />
      ))}
    </Stack>
  )
}
