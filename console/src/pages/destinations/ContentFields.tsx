// What of an event is sent: filter, allow-list, transform; and what comes of them, shown as one types.
import { Alert, Fieldset, NativeSelect, Stack, TagsInput, Text, Textarea } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Destination, previewOf } from '../../api/destinations'
import { eventsQuery } from '../../api/events'
import { useSession } from '../../api/session'
import { Code, pretty } from '../../ui/Code'
import { Notice } from '../../ui/Notice'
import { examples } from '../../ui/examples'
import type { DestinationFormApi } from './DestinationForm'

const SAMPLE = { event_type: 'ticket.created', payload: { title: 'Disk full on db-1', priority: 'high' } }
const TYPING_MS = 350

type Props = { form: DestinationFormApi; destination: Destination | undefined }

export function ContentFields({ form, destination }: Props) {
  const { t } = useTranslation()
  return (
    <Fieldset legend={t('destinationForm.content')}>
      <Stack gap="sm">
        <Textarea
          id="destination-form-filter"
          label={t('destinationForm.filter')}
          description={t('destinationForm.filterHint')}
          placeholder={examples.filter}
          autosize
          maxRows={8}
          classNames={{ input: 'mono' }}
          {...form.getInputProps('filter')}
        />
        <TagsInput
          id="destination-form-payload-fields"
          label={t('destinationForm.fields')}
          description={t('destinationForm.fieldsHint')}
          {...form.getInputProps('payload_fields')}
        />
        <Textarea
          id="destination-form-transform"
          label={t('destinationForm.transform')}
          description={t('destinationForm.transformHint')}
          placeholder={examples.transform}
          autosize
          maxRows={12}
          classNames={{ input: 'mono' }}
          {...form.getInputProps('transform')}
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
        <ContentPreview form={form} destination={destination} />
      </Stack>
    </Fieldset>
  )
}

function ContentPreview({ form, destination }: Props) {
  const { t } = useTranslation()
  const { may } = useSession()
  const [chosen, setChosen] = useState('')
  const events = useInfiniteQuery({ ...eventsQuery({}), enabled: may('event:read') })
  const latest = events.data?.pages[0]?.data.slice(0, 10) ?? []
  const { filter, payload_fields, transform, body } = form.values
  const [asked] = useDebouncedValue({ filter, payload_fields, transform, body, event: chosen || latest[0]?.id }, TYPING_MS)
  const preview = useQuery({
    queryKey: ['preview', destination?.id, asked],
    queryFn: () =>
      previewOf(destination?.id, {
        filter: asked.filter.trim() || null,
        payload_fields: asked.payload_fields,
        transform: asked.transform.trim() || null,
        body: asked.body,
        ...(asked.event ? { event_id: asked.event } : { event: SAMPLE }),
      }),
    placeholderData: keepPreviousData,
    enabled: !events.isLoading,
  })
  const found = preview.data
  return (
    <Stack gap={6} aria-live="polite">
      <NativeSelect
        id="destination-form-preview-event"
        label={t('destinationForm.previewOf')}
        value={chosen || (latest[0]?.id ?? '')}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data={
          latest.length > 0
            ? latest.map(({ id, event_type }) => ({ value: id, label: `${event_type} (…${id.slice(-6)})` }))
            : [{ value: '', label: t('destinationForm.sampleEvent', { type: SAMPLE.event_type }) }]
        }
      />
      {preview.error && <Notice id="destination-form-preview-problem" error={preview.error} />}
      {found?.errors.map((error) => (
        <Alert key={error.field + error.detail} color="red" py="xs" role="status">
          <Text size="sm">
            <code className="mono">{error.field}</code>: {error.detail}
            {typeof error.position === 'number' && ` (${t('destinationForm.position', { position: error.position })})`}
          </Text>
        </Alert>
      ))}
      {found && found.errors.length === 0 && (
        <>
          <Text size="sm" c={found.matches === false ? 'dimmed' : undefined} id="destination-form-preview-verdict">
            {found.matches === false ? t('destinationForm.notSent') : t('destinationForm.sent')}
          </Text>
          {found.matches !== false && (
            <Code id="destination-form-preview-body" text={pretty(found.body)} label={t('destinationForm.previewBody')} />
          )}
        </>
      )}
    </Stack>
  )
}
