// What of an event is sent: filter, allow-list, transform; and what comes of them, shown as one types.
import { Alert, Fieldset, NativeSelect, Stack, TagsInput, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { Destination } from '../../api/destinations'
import { Code, pretty } from '../../ui/Code'
import { Notice } from '../../ui/Notice'
import { ExpressionEditor } from '../../ui/editor/ExpressionEditor'
import { examples } from '../../ui/examples'
import type { DestinationFormApi } from './DestinationForm'
import { type ContentPreviewState, SAMPLE, useContentPreview } from './useContentPreview'

type Props = { form: DestinationFormApi; destination: Destination | undefined }

export function ContentFields({ form, destination }: Props) {
  const { t } = useTranslation()
  const state = useContentPreview(form, destination)
  const written = (field: 'filter' | 'transform') => {
    const fault = state.faultOf(field)
    return {
      value: form.values[field],
      places: state.places,
      ...(fault ? { fault } : {}),
      onChange: (text: string) => form.setFieldValue(field, text),
    }
  }
  const [filter, transform] = [written('filter'), written('transform')]
  return (
    <Fieldset legend={t('destinationForm.content')}>
      <Stack gap="sm">
        <ExpressionEditor
          id="destination-form-filter"
          label={t('destinationForm.filter')}
          description={t('destinationForm.filterHint')}
          placeholder={examples.filter}
          {...filter}
        />
        <TagsInput
          id="destination-form-payload-fields"
          label={t('destinationForm.fields')}
          description={t('destinationForm.fieldsHint')}
          {...form.getInputProps('payload_fields')}
        />
        <ExpressionEditor
          id="destination-form-transform"
          label={t('destinationForm.transform')}
          description={t('destinationForm.transformHint')}
          placeholder={examples.transform}
          {...transform}
        />
        <NativeSelect
          id="destination-form-body"
          label={t('destination.body')}
          data={[
            { value: 'envelope', label: t('destination.body_envelope') },
            { value: 'payload', label: t('destination.body_payload') },
          ]}
          {...form.getInputProps('body')}
        />
        <ContentPreview state={state} />
      </Stack>
    </Fieldset>
  )
}

function ContentPreview({ state: { latest, chosen, choose, preview, problem } }: { state: ContentPreviewState }) {
  const { t } = useTranslation()
  return (
    <Stack gap={6} aria-live="polite">
      <NativeSelect
        id="destination-form-preview-event"
        label={t('destinationForm.previewOf')}
        value={chosen}
        onChange={(event) => choose(event.currentTarget.value)}
        data={
          latest.length > 0
            ? latest.map(({ id, event_type }) => ({ value: id, label: `${event_type} (…${id.slice(-6)})` }))
            : [{ value: '', label: t('destinationForm.sampleEvent', { type: SAMPLE.event_type }) }]
        }
      />
      {problem && <Notice id="destination-form-preview-problem" error={problem} />}
      {preview?.errors.map((error) => (
        <Alert key={error.field + error.detail} color="red" py="xs" role="status">
          <Text size="sm">
            <code className="mono">{error.field}</code>: {error.detail}
            {typeof error.position === 'number' && ` (${t('destinationForm.position', { position: error.position })})`}
          </Text>
        </Alert>
      ))}
      {preview && preview.errors.length === 0 && (
        <>
          <Text size="sm" c={preview.matches === false ? 'dimmed' : undefined} id="destination-form-preview-verdict">
            {preview.matches === false ? t('destinationForm.notSent') : t('destinationForm.sent')}
          </Text>
          {preview.matches !== false && (
            <Code id="destination-form-preview-body" text={pretty(preview.body)} label={t('destinationForm.previewBody')} />
          )}
        </>
      )}
    </Stack>
  )
}
