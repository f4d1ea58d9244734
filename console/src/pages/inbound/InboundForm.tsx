// An inbound webhook: who it is, how it authenticates, what counts as a repetition, and what it does.
import {
  Alert,
  Anchor,
  Button,
  Fieldset,
  Group,
  NativeSelect,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
  Textarea,
} from '@mantine/core'
import { type UseFormReturnType, useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type CreatedInbound, type InboundWebhook, presetsQuery, useSaveInbound } from '../../api/inbound'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Notice } from '../../ui/Notice'
import { tell } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'
import { HandlerFields } from './HandlerFields'
import { type Values, authTypes, fields, inputOf, slugOf, valuesOf } from './inboundValues'

export type InboundFormApi = UseFormReturnType<Values>
type Props = { webhook?: InboundWebhook; onDone: (saved: CreatedInbound) => void; onCancel: () => void }

const isJson = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

export function InboundForm({ webhook, onDone, onCancel }: Props) {
  const { t } = useTranslation()
  const intent = useIntent()
  const save = useSaveInbound(webhook?.id)
  const form = useForm<Values>({
    initialValues: valuesOf(webhook),
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      slug: (value) => (/^[a-z0-9][a-z0-9-]*$/.test(value.trim()) ? null : t('inboundForm.badSlug')),
      descriptor: (value, { auth }) => (auth !== 'signature' || isJson(value) ? null : t('common.noJson')),
    },
  })
  const rest = useProblems(form, save.error, fields)
  const submit = form.onSubmit((values) => {
    const body = inputOf(values, webhook)
    save.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: (saved) => [intent.done(), tell(t('destinationForm.saved')), onDone(saved)] },
    )
  })
  return (
    <form id="inbound-form" onSubmit={submit} noValidate>
      <Stack gap="md">
        <Identity form={form} fresh={!webhook} />
        <Authentication form={form} fresh={!webhook} />
        <Repetition form={form} />
        <HandlerFields form={form} webhook={webhook} />
        <Fieldset legend={t('inboundForm.active')}>
          <Switch
            id="inbound-form-active"
            label={t('inboundForm.isActive')}
            {...form.getInputProps('is_active', { type: 'checkbox' })}
          />
        </Fieldset>
        {rest && <Notice id="inbound-form-problem" error={save.error} />}
        <Group justify="end">
          <Button id="inbound-form-cancel" variant="default" onClick={onCancel}>
            {t('common.cancel')}
          </Button>
          <Button id="inbound-form-submit" type="submit" loading={save.isPending}>
            {webhook ? t('common.save') : t('create.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Identity({ form, fresh }: { form: InboundFormApi; fresh: boolean }) {
  const { t } = useTranslation()
  const { session } = useSession()
  const { name, slug } = form.values
  const named = (value: string) => {
    // Until somebody writes a slug of their own, it follows the name.
    if (fresh && slug === slugOf(name)) form.setFieldValue('slug', slugOf(value))
    form.setFieldValue('name', value)
  }
  return (
    <Fieldset legend={t('inboundForm.identity')}>
      <Stack gap="sm">
        <TextInput
          id="inbound-form-name"
          label={t('inbound.name')}
          {...form.getInputProps('name')}
          onChange={(event) => named(event.currentTarget.value)}
        />
        <TextInput
          id="inbound-form-slug"
          label={t('inboundForm.slug')}
          description={`${globalThis.location.origin}/api/inbound/${session.tenant?.slug ?? ''}/${slug}`}
          {...form.getInputProps('slug')}
        />
        <TextInput id="inbound-form-description" label={t('eventTypes.description')} {...form.getInputProps('description')} />
      </Stack>
    </Fieldset>
  )
}

/** Each scheme has inputs of its own; secrets are made by the server and shown once. */
function Authentication({ form, fresh }: { form: InboundFormApi; fresh: boolean }) {
  const { t } = useTranslation()
  const { auth } = form.values
  return (
    <Fieldset legend={t('inbound.auth')}>
      <Stack gap="sm">
        <NativeSelect
          id="inbound-form-auth"
          size="sm"
          label={t('inboundForm.scheme')}
          data={authTypes.map((value) => ({ value, label: t(`inboundForm.auth_${value}`) }))}
          {...form.getInputProps('auth')}
        />
        {form.errors.auth_config && (
          <Text size="sm" c="red" role="alert">
            {form.errors.auth_config}
          </Text>
        )}
        {auth === 'preset' && <Preset form={form} />}
        {auth === 'hmac_sha256' && (
          <TextInput
            id="inbound-form-signature-header"
            label={t('inboundForm.signatureHeader')}
            {...form.getInputProps('signature_header')}
          />
        )}
        {auth === 'path_token' && (
          <TextInput id="inbound-form-param" label={t('inboundForm.param')} {...form.getInputProps('param')} />
        )}
        {auth === 'static_header' && (
          <TextInput id="inbound-form-header" label={t('destinationForm.headerName')} {...form.getInputProps('header')} />
        )}
        {auth === 'basic' && (
          <TextInput id="inbound-form-username" label={t('inboundForm.username')} {...form.getInputProps('username')} />
        )}
        {auth === 'body_field' && (
          <TextInput id="inbound-form-path" label={t('inboundForm.path')} {...form.getInputProps('path')} />
        )}
        {auth === 'signature' && (
          <Textarea
            id="inbound-form-descriptor"
            label={t('inboundForm.descriptor')}
            autosize
            minRows={5}
            maxRows={18}
            classNames={{ input: 'mono' }}
            {...form.getInputProps('descriptor')}
          />
        )}
        {auth !== 'ip_allowlist' && (
          <PasswordInput
            id="inbound-form-secret"
            label={t('inboundForm.secret')}
            description={fresh ? t('inboundForm.secretMade') : t('inboundForm.secretKept')}
            autoComplete="off"
            visibilityToggleButtonProps={{ id: 'inbound-form-secret-show', 'aria-label': t('signIn.showPassword') }}
            {...form.getInputProps('secret')}
          />
        )}
        <TagsInput
          id="inbound-form-cidrs"
          label={auth === 'ip_allowlist' ? t('inboundForm.cidrs') : t('inboundForm.alsoCidrs')}
          {...form.getInputProps('ip_cidrs')}
        />
      </Stack>
    </Fieldset>
  )
}

/** A known sender brings its settings along, and says what to do there. */
function Preset({ form }: { form: InboundFormApi }) {
  const { t } = useTranslation()
  const presets = useQuery(presetsQuery).data?.data ?? []
  const chosen = presets.find(({ name }) => name === form.values.preset)
  return (
    <>
      <Select
        id="inbound-form-preset"
        label={t('inboundForm.preset')}
        data={presets.map(({ name, title }) => ({ value: name, label: title }))}
        searchable
        allowDeselect={false}
        {...form.getInputProps('preset')}
      />
      {chosen && (
        <Alert role="note" color="lake" py="xs">
          <Text size="sm">{chosen.setup}</Text>
          <Anchor id="inbound-form-preset-docs" size="sm" href={chosen.documentation} target="_blank" rel="noreferrer">
            {t('inboundForm.presetDocs')}
          </Anchor>
        </Alert>
      )}
    </>
  )
}

function Repetition({ form }: { form: InboundFormApi }) {
  const { t } = useTranslation()
  const { keySource } = form.values
  return (
    <Fieldset legend={t('inboundForm.idempotency')}>
      <Stack gap="sm">
        <NativeSelect
          id="inbound-form-key-source"
          size="sm"
          label={t('inboundForm.keySource')}
          data={[
            { value: '', label: t('inboundForm.key_none') },
            { value: 'header', label: t('inboundForm.key_header') },
            { value: 'jsonata', label: t('inboundForm.key_jsonata') },
          ]}
          {...form.getInputProps('keySource')}
        />
        {keySource && (
          <TextInput
            id="inbound-form-key-value"
            label={keySource === 'header' ? t('destinationForm.headerName') : t('inboundForm.expression')}
            {...form.getInputProps('keyValue')}
            error={form.errors.idempotency_source}
          />
        )}
        <Group grow align="start">
          <NumberInput
            id="inbound-form-window"
            label={t('inboundForm.window')}
            hideControls
            {...form.getInputProps('window')}
            error={form.errors.idempotency_window_seconds}
          />
          <NativeSelect
            id="inbound-form-duplicate"
            size="sm"
            label={t('inboundForm.duplicate')}
            data={[
              { value: 'acknowledge', label: t('inboundForm.duplicate_acknowledge') },
              { value: 'conflict', label: t('inboundForm.duplicate_conflict') },
            ]}
            {...form.getInputProps('duplicate')}
          />
          <NumberInput
            id="inbound-form-rate"
            label={t('inboundForm.rate')}
            hideControls
            {...form.getInputProps('rate')}
            error={form.errors.rate_limit_per_minute}
          />
        </Group>
      </Stack>
    </Fieldset>
  )
}
