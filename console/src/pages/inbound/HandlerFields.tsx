// What a webhook does: one action, or rules of which the first that is true runs; beside them the request that they are tried on.
import { Alert, Button, Fieldset, Grid, SegmentedControl, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundPreview, type InboundWebhook, actionsQuery } from '../../api/inbound'
import { Notice } from '../../ui/Notice'
import type { Insert } from '../../ui/editor/JsonataEditor'
import type { InboundFormApi } from './InboundForm'
import { RuleFields } from './RuleFields'
import { RuleList } from './RuleList'
import { SampleColumn } from './SampleColumn'
import { SplitField } from './SplitField'
import { WorkflowNote } from './WorkflowNote'
import { type RuleValues, newRule, placeOf } from './ruleValues'
import { usePreview, useTrial } from './useTrial'

type Props = { form: InboundFormApi; webhook: InboundWebhook | undefined }

export function HandlerFields({ form, webhook }: Props) {
  const { t } = useTranslation()
  const actions = useQuery(actionsQuery)
  const tried = useTrial(webhook)
  const { rules, split } = form.values
  const { preview, problem } = usePreview(webhook, tried, rules, split)
  // Of a request that is taken apart, expressions see one part.
  const trial = split.trim() && preview ? { ...tried, document: preview.document } : tried
  const [ruled, setRuled] = useState(rules.length > 1 || Boolean(rules[0]?.when))
  const [kind, setKind] = useState(webhook?.handler_type === 'workflow' ? 'workflow' : 'action')
  const [focused, setFocused] = useState('')
  const insert = useRef<Insert>(undefined)
  const focus = (name: string, write: Insert) => {
    insert.current = write
    setFocused(name)
  }
  const set = (next: RuleValues[]) => form.setFieldValue('rules', next)
  function pick(path: string) {
    if (!insert.current) focusFirst()
    insert.current?.(path)
  }
  const shared = { webhook, trial, split, actions: actions.data?.data ?? [], onFocus: focus }
  const [only] = rules
  return (
    <Fieldset legend={t('inbound.handler')}>
      <SegmentedControl
        name="inbound-form-handler"
        aria-label={t('workflow.handledBy')}
        size="xs"
        mb="sm"
        value={kind}
        onChange={(value) => setKind(value === 'workflow' ? 'workflow' : 'action')}
        data={[
          { value: 'action', label: t('workflow.kind_action') },
          { value: 'workflow', label: t('workflow.kind_workflow') },
        ]}
      />
      {kind === 'workflow' && <WorkflowNote />}
      <Grid gap="md" display={kind === 'workflow' ? 'none' : undefined}>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="sm">
            {actions.error && <Notice id="actions-problem" error={actions.error} onRetry={actions.refetch} />}
            {form.errors.handler_config && (
              <Text size="sm" c="red" role="alert">
                {form.errors.handler_config}
              </Text>
            )}
            {ruled || !only ? (
              <RuleList {...shared} rules={rules} preview={preview} onChange={set} />
            ) : (
              <RuleFields {...shared} scope="" rule={only} conditional={false} onChange={(rule) => set([rule])} />
            )}
            {!ruled && (
              <div>
                <Button id="rules-begin" variant="subtle" size="compact-sm" onClick={() => setRuled(true)}>
                  {t('rules.begin')}
                </Button>
              </div>
            )}
            {ruled && (
              <div>
                <Button id="rules-add" variant="default" onClick={() => set([...rules, newRule()])}>
                  {t('rules.add')}
                </Button>
              </div>
            )}
            <SplitField form={form} preview={preview} onFocus={focus} />
            {problem && <Notice id="inbound-preview-problem" error={problem} />}
            {preview && <Effect preview={preview} rules={rules} />}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <SampleColumn
            trial={trial}
            focused={focused || t('sample.noField')}
            onPick={pick}
          />
        </Grid.Col>
      </Grid>
    </Fieldset>
  )
}

/** Where nothing has been written in yet, the first field is meant. */
function focusFirst() {
  document.querySelector<HTMLElement>('.mapping-field .cm-content')?.focus()
}

/** What would become of the request as a whole. */
function Effect({ preview, rules }: { preview: InboundPreview; rules: RuleValues[] }) {
  const { t } = useTranslation()
  const { effect } = preview
  const ran = rules.findIndex((rule) => placeOf(rules, rule) === preview.rule)
  const which = rules.length > 1 && ran >= 0 ? `${t('rules.ran', { number: ran + 1 })} ` : ''
  const said =
    effect.kind === 'refused'
      ? t('inboundForm.refused', { why: effect.detail ?? effect.code ?? '' })
      : effect.kind === 'skipped'
        ? t('inboundLog.skipped')
        : t('inboundForm.would', { entity: effect.entity_type ?? '', result: effect.result ?? '' })
  return (
    <Alert role="status" id="inbound-preview-effect" color={effect.kind === 'refused' ? 'red' : 'teal'} py="xs">
      <Text size="sm">
        {which}
        {said}
      </Text>
    </Alert>
  )
}
