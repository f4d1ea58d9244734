// Who a webhook is: its name, and the slug that ends its URL. Another slug leaves the old URL behind as an alias.
import { Alert, Checkbox, Fieldset, Stack, Text, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { InboundWebhook } from '../../api/inbound'
import { useSession } from '../../api/session'
import { domId } from '../../ui/domId'
import type { InboundFormApi } from './InboundForm'
import { slugOf } from './inboundValues'

export function IdentityFields({ form, webhook }: { form: InboundFormApi; webhook: InboundWebhook | undefined }) {
  const { t } = useTranslation()
  const { session } = useSession()
  const { name, slug } = form.values
  const named = (value: string) => {
    // Until somebody writes a slug of their own, it follows the name.
    if (!webhook && slug === slugOf(name)) form.setFieldValue('slug', slugOf(value))
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
        {webhook && <Former form={form} webhook={webhook} />}
        <TextInput id="inbound-form-description" label={t('eventTypes.description')} {...form.getInputProps('description')} />
      </Stack>
    </Fieldset>
  )
}

/** Former slugs: which of them still lead here. */
function Former({ form, webhook }: { form: InboundFormApi; webhook: InboundWebhook }) {
  const { t } = useTranslation()
  const { slug, aliases, keepSlug } = form.values
  const renamed = slug.trim() !== webhook.slug
  const toggle = (alias: string) => (kept: boolean) =>
    form.setFieldValue('aliases', kept ? [...aliases, alias] : aliases.filter((each) => each !== alias))
  return (
    <>
      {renamed && (
        <Alert role="note" color="yellow" py="xs" id="inbound-form-renamed">
          <Text size="sm">{t('inboundForm.renamed', { slug: webhook.slug })}</Text>
          <Checkbox
            id="inbound-form-keep-slug"
            mt={6}
            size="sm"
            label={t('inboundForm.keepSlug', { slug: webhook.slug })}
            checked={keepSlug}
            onChange={(event) => form.setFieldValue('keepSlug', event.currentTarget.checked)}
          />
        </Alert>
      )}
      {webhook.aliases.length > 0 && (
        <Stack gap={4} role="group" aria-label={t('inboundForm.aliases')}>
          <Text size="sm" fw={500}>
            {t('inboundForm.aliases')}
          </Text>
          {webhook.aliases.map((alias) => (
            <Checkbox
              key={alias.slug}
              id={domId('inbound-form-alias', alias.slug)}
              size="sm"
              label={alias.slug}
              checked={aliases.includes(alias.slug)}
              onChange={(event) => toggle(alias.slug)(event.currentTarget.checked)}
            />
          ))}
        </Stack>
      )}
      {form.errors.aliases && (
        <Text size="sm" c="red" role="alert">
          {form.errors.aliases}
        </Text>
      )}
    </>
  )
}
