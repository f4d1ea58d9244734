// Everything that can be set of a destination, for a new one and for one that is there.
import { Button, Fieldset, Group, NativeSelect, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { type UseFormReturnType, useForm } from '@mantine/form'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'

import { credentialsQuery } from '../../api/credentials'
import {
  type CreatedDestination,
  type Destination,
  adaptersQuery,
  useChangeDestination,
  useCreateDestination,
} from '../../api/destinations'
import { eventTypesQuery } from '../../api/events'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { type Schema, SchemaFields } from '../../forms/SchemaFields'
import { Notice } from '../../ui/Notice'
import { SidePanel } from '../../ui/SidePanel'
import { tell } from '../../ui/notify'
import { serverErrors } from '../../ui/serverErrors'
import { ContentFields } from './ContentFields'
import { DeliveryFields } from './DeliveryFields'
import { HeaderFields } from './HeaderFields'
import { type Values, changeOf, fields, newDestination, scheduleOf, valuesOf } from './destinationValues'

export type DestinationFormApi = UseFormReturnType<Values>

type Props = {
  /** Absent: a new one. */
  destination?: Destination
  opened: boolean
  onClose: () => void
  onMade?: (made: CreatedDestination) => void
}

export function DestinationForm({ destination, opened, onClose, onMade }: Props) {
  const { t } = useTranslation()
  return (
    <SidePanel
      id={destination ? 'edit-destination' : 'new-destination'}
      title={destination ? t('destinationForm.edit', { name: destination.name }) : t('create.title')}
      opened={opened}
      onClose={onClose}
    >
      <Body destination={destination} onClose={onClose} onMade={onMade} />
    </SidePanel>
  )
}

function Body({ destination, onClose, onMade }: Omit<Props, 'opened'>) {
  const { t } = useTranslation()
  const intent = useIntent()
  const create = useCreateDestination()
  const change = useChangeDestination(destination?.id ?? '')
  const form = useForm<Values>({
    initialValues: valuesOf(destination),
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      endpoint_url: (value) => (destination || value.trim() ? null : t('create.needEndpoint')),
      event_types: (value) => (value.length > 0 ? null : t('destinationForm.needEventType')),
      schedule: (value) => (scheduleOf(value) ? null : t('destinationForm.badSchedule')),
    },
  })
  const error = create.error ?? change.error
  const said = serverErrors(error, fields)
  const { setErrors } = form
  useEffect(() => {
    if (error) setErrors(serverErrors(error, fields))
  }, [error, setErrors])

  const submit = form.onSubmit((values) => {
    if (!destination) {
      const body = newDestination(values)
      create.mutate({ ...body, key: intent.keyFor(body) }, { onSuccess: (made) => [intent.done(), onMade?.(made)] })
      return
    }
    const body = changeOf(destination, values)
    if (Object.keys(body).length === 0) return onClose()
    change.mutate(body, { onSuccess: () => [tell(t('destinationForm.saved')), onClose()] })
  })

  return (
    <form id="destination-form" onSubmit={submit} noValidate>
      <Stack gap="md">
        <Identity form={form} destination={destination} />
        <Settings form={form} problem={said.settings} />
        <ContentFields form={form} destination={destination} />
        <Fieldset legend={t('destinationForm.signing')}>
          <Signing form={form} problem={said.signing} />
          <HeaderFields form={form} />
        </Fieldset>
        <DeliveryFields form={form} problem={said.policy} />
        {error && Object.keys(said).length === 0 && <Notice id="destination-form-problem" error={error} />}
        <Group justify="end">
          <Button id="destination-form-cancel" variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button id="destination-form-submit" type="submit" loading={create.isPending || change.isPending}>
            {destination ? t('common.save') : t('create.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Identity({ form, destination }: { form: DestinationFormApi; destination: Destination | undefined }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const types = useInfiniteQuery({ ...eventTypesQuery, enabled: may('event_type:read') })
  const known = types.data?.pages.flatMap((page) => page.data).filter(({ archived }) => !archived) ?? []
  return (
    <Fieldset legend={t('destinationForm.identity')}>
      <Stack gap="sm">
        <TextInput id="destination-form-name" label={t('create.name')} maxLength={200} {...form.getInputProps('name')} />
        <TextInput
          id="destination-form-endpoint-url"
          label={t('create.endpoint')}
          description={destination ? t('destinationForm.endpointKept', { endpoint: destination.endpoint }) : undefined}
          placeholder={t('create.endpointPlaceholder')}
          type="url"
          autoComplete="off"
          {...form.getInputProps('endpoint_url')}
        />
        <TagsInput
          id="destination-form-event-types"
          label={t('destinations.eventTypes')}
          description={t('destinationForm.eventTypesHint')}
          data={['*', ...new Set(known.map(({ name }) => name))]}
          {...form.getInputProps('event_types')}
        />
        <Switch
          id="destination-form-enabled"
          label={t('destinationForm.enabled')}
          {...form.getInputProps('enabled', { type: 'checkbox' })}
        />
      </Stack>
    </Fieldset>
  )
}

/** The adapter, its own settings, and the credential that it uses. */
function Settings({ form, problem }: { form: DestinationFormApi; problem: string | undefined }) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  // Customers make what needs no credential of the host's.
  const offered = (kind: string) => !session.portal || kind === 'webhook' || kind === form.values.adapter_type
  const adapters = useQuery(adaptersQuery).data?.data.filter(({ adapter_type }) => offered(adapter_type)) ?? []
  const credentials = useInfiniteQuery({ ...credentialsQuery, enabled: may('credential:read') })
  const known = credentials.data?.pages.flatMap((page) => page.data) ?? []
  const adapter = adapters.find(({ adapter_type }) => adapter_type === form.values.adapter_type)
  return (
    <Fieldset legend={t('destinations.adapter')}>
      <Stack gap="sm">
        <NativeSelect
          id="destination-form-adapter"
          label={t('destinations.adapter')}
          description={adapter?.description}
          data={adapters.map(({ adapter_type, title }) => ({ value: adapter_type, label: title }))}
          {...form.getInputProps('adapter_type')}
        />
        {adapter && (
          <SchemaFields
            scope="destination-form-settings"
            schema={adapter.settings_schema as Schema}
            values={form.values.settings}
            errors={{}}
            onChange={(settings) => form.setFieldValue('settings', settings)}
          />
        )}
        {problem && (
          <Text size="sm" c="red" role="alert">
            {problem}
          </Text>
        )}
        {known.length > 0 && (
          <NativeSelect
            id="destination-form-credential"
            label={t('destination.credential')}
            data={[
              { value: '', label: t('destinationForm.noCredential') },
              ...known.map(({ id, name, type }) => ({ value: id, label: `${name} (${type})` })),
            ]}
            {...form.getInputProps('credential_id')}
          />
        )}
      </Stack>
    </Fieldset>
  )
}

const profiles = ['standard', 'oneprotect', 'fr022', 'alga', 'none'] as const

function Signing({ form, problem }: { form: DestinationFormApi; problem: string | undefined }) {
  const { t } = useTranslation()
  const { profile } = form.values
  const custom = profile === 'custom' ? [{ value: 'custom', label: t('destinationForm.customProfile') }] : []
  return (
    <Stack gap="sm" mb="sm">
      <NativeSelect
        id="destination-form-profile"
        label={t('destination.signing')}
        error={problem}
        data={[
          { value: '', label: t('destinationForm.tenantDefault') },
          ...profiles.map((value) => ({ value, label: t(`destinationForm.profile_${value}`) })),
          ...custom,
        ]}
        {...form.getInputProps('profile')}
      />
      {(profile === 'standard' || profile === '') && (
        <Switch
          id="destination-form-ed25519"
          label={t('destinationForm.ed25519')}
          {...form.getInputProps('ed25519', { type: 'checkbox' })}
        />
      )}
    </Stack>
  )
}

