// What a webhook does: the action, an expression for each of its fields, and what they give for the sample as one types.
import { Alert, Button, Fieldset, Grid, Select, Stack, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundAction, type InboundWebhook, actionsQuery, previewInbound, sampleQuery } from '../../api/inbound'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import type { InboundFormApi } from './InboundForm'
import { MappingField } from './MappingField'
import { leavesOf } from './mapping'

const TYPING_MS = 400
type Props = { form: InboundFormApi; webhook: InboundWebhook | undefined }

export function HandlerFields({ form, webhook }: Props) {
  const { t } = useTranslation()
  const actions = useQuery(actionsQuery)
  const known = actions.data?.data ?? []
  const action = known.find(({ name }) => name === form.values.action)
  const groups = [...new Set(known.map(({ entityType }) => entityType))].map((group) => ({
    group,
    items: known
      .filter(({ entityType }) => entityType === group)
      .map(({ name, displayName }) => ({ value: name, label: displayName })),
  }))
  return (
    <Fieldset legend={t('inbound.handler')}>
      <Stack gap="sm">
        {actions.error && <Notice id="actions-problem" error={actions.error} onRetry={actions.refetch} />}
        <Select
          id="inbound-form-action"
          label={t('inboundForm.action')}
          description={action?.description ?? t('inboundForm.actionHint')}
          data={groups}
          searchable
          clearable
          clearButtonProps={{ id: 'inbound-form-action-clear', 'aria-label': t('deliveries.clear') }}
          value={form.values.action || null}
          onChange={(value) => form.setFieldValue('action', value ?? '')}
        />
        {form.errors.handler_config && (
          <Text size="sm" c="red" role="alert">
            {form.errors.handler_config}
          </Text>
        )}
        {action && <Mapping form={form} webhook={webhook} action={action} />}
      </Stack>
    </Fieldset>
  )
}

function Mapping({ form, webhook, action }: Props & { action: InboundAction }) {
  const { t } = useTranslation()
  const { mapping } = form.values
  const [focused, setFocused] = useState(action.targetFields[0]?.name ?? '')
  const sample = useQuery({ ...sampleQuery(webhook?.id ?? ''), enabled: webhook !== undefined }).data
  const leaves = leavesOf(sample?.document)
  const [asked] = useDebouncedValue({ action: action.name, mapping }, TYPING_MS)
  const preview = useQuery({
    queryKey: ['inbound', 'preview', webhook?.id, asked],
    queryFn: () =>
      previewInbound(webhook?.id ?? '', {
        handler_config: {
          type: 'direct_action',
          action: asked.action,
          field_mapping: Object.fromEntries(Object.entries(asked.mapping).filter(([, text]) => text.trim())),
        },
      }),
    enabled: webhook !== undefined && sample?.captured_at != null,
    placeholderData: keepPreviousData,
    retry: false,
  })
  const set = (name: string, expression: string) => form.setFieldValue('mapping', { ...mapping, [name]: expression })
  const insert = (path: string) => set(focused, mapping[focused]?.trim() ? `${mapping[focused]} & ${path}` : path)
  const effect = preview.data?.effect
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: leaves.length > 0 ? 8 : 12 }}>
        <Stack gap="sm">
          {action.targetFields.map((field) => (
            <MappingField
              key={field.name}
              field={field}
              expression={mapping[field.name] ?? ''}
              leaves={leaves}
              preview={preview.data?.fields.find(({ name }) => name === field.name)}
              onFocus={() => setFocused(field.name)}
              onChange={(expression) => set(field.name, expression)}
            />
          ))}
          {preview.error && <Notice id="inbound-preview-problem" error={preview.error} />}
          {effect && (
            <Alert role="status" id="inbound-preview-effect" color={effect.kind === 'refused' ? 'red' : 'teal'} py="xs">
              <Text size="sm">
                {effect.kind === 'refused'
                  ? t('inboundForm.refused', { why: effect.detail ?? effect.code ?? '' })
                  : effect.kind === 'skipped'
                    ? t('inboundLog.skipped')
                    : t('inboundForm.would', { entity: effect.entity_type ?? '', result: effect.result ?? '' })}
              </Text>
            </Alert>
          )}
          {!sample?.captured_at && (
            <Text size="xs" c="dimmed">
              {t('inboundForm.noSample')}
            </Text>
          )}
        </Stack>
      </Grid.Col>
      {leaves.length > 0 && (
        <Grid.Col span={{ base: 12, md: 4 }}>
          <section aria-label={t('inboundForm.sample')}>
            <Text size="sm" fw={600}>
              {t('inboundForm.sample')}
            </Text>
            <Text size="xs" c="dimmed" mb={6}>
              {t('inboundForm.sampleHint', { field: focused })}
            </Text>
            <Stack gap={2}>
              {leaves.map(({ path, sample: shown }) => (
                <Button
                  key={path}
                  id={domId('insert', path)}
                  variant="subtle"
                  size="compact-sm"
                  justify="start"
                  className="leaf"
                  style={{ paddingInlineStart: 6 + 12 * (path.split(/[.[]/).length - 1) }}
                  onClick={() => insert(path)}
                >
                  <code className="mono">{path}</code>&nbsp;<span className="faint">{shown}</span>
                </Button>
              ))}
            </Stack>
          </section>
        </Grid.Col>
      )}
    </Grid>
  )
}
