// The card that creates a destination, answers in place, and shows the signing secret once.
import { Button, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { lazy, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type CreatedDestination, useCreateDestination } from '../../api/destinations'
import { useIntent } from '../../api/keys'
import { Problem } from '../../api/problem'
import { useSession } from '../../api/session'
import { Later } from '../../ui/Later'
import { Notice } from '../../ui/Notice'

const SecretOnce = lazy(() => import('../../ui/SecretOnce').then((loaded) => ({ default: loaded.SecretOnce })))
const DestinationForm = lazy(() => import('./DestinationForm').then((loaded) => ({ default: loaded.DestinationForm })))

export function CreateDestination() {
  const { t } = useTranslation()
  const { session } = useSession()
  const create = useCreateDestination()
  const intent = useIntent()
  const [more, setMore] = useState(false)
  const [made, setMade] = useState<CreatedDestination>()
  const form = useForm({
    initialValues: { name: '', endpoint_url: '' },
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      endpoint_url: (value) => (value.trim() ? null : t('create.needEndpoint')),
    },
  })

  const submit = form.onSubmit(({ name, endpoint_url }) => {
    const body = { name: name.trim(), endpoint_url: endpoint_url.trim() }
    create.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: (destination) => [form.reset(), intent.done(), setMade(destination)], onError: (error) => form.setErrors(inPlace(error)) },
    )
  })

  return (
    <Paper component="section" p="md" className="roomy" aria-labelledby="create-destination-title">
      <form id="create-destination" onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Group justify="space-between" align="start" gap="xs">
            <div>
              <Title order={2} id="create-destination-title">
                {t('create.title')}
              </Title>
              <Text size="xs" c="dimmed">
                {session.portal ? t('portal.createLead') : t('create.lead')}
              </Text>
            </div>
            <Button id="create-destination-more" variant="subtle" onClick={() => setMore(true)}>
              {t('create.more')}
            </Button>
          </Group>
          <div className="inline-form">
            <TextInput
              id="create-destination-name"
              label={t('create.name')}
              placeholder={t('create.namePlaceholder')}
              autoComplete="off"
              maxLength={200}
              {...form.getInputProps('name')}
            />
            <TextInput
              id="create-destination-endpoint-url"
              label={t('create.endpoint')}
              placeholder={t('create.endpointPlaceholder')}
              type="url"
              autoComplete="off"
              {...form.getInputProps('endpoint_url')}
            />
            <Button id="create-destination-submit" type="submit" size="sm" loading={create.isPending}>
              {t('create.submit')}
            </Button>
          </div>
          {create.error && Object.keys(inPlace(create.error)).length === 0 && (
            <Notice id="create-destination-problem" error={create.error} />
          )}
        </Stack>
      </form>
      <div role="status">{made && <Created key={made.id} destination={made} />}</div>
      <Later when={more}>
        <DestinationForm
          opened={more}
          onClose={() => setMore(false)}
          onMade={(destination) => {
            setMore(false)
            setMade(destination)
          }}
        />
      </Later>
    </Paper>
  )
}

/** Which of the server's complaints belong beside which input. */
function inPlace(error: unknown): Partial<Record<'name' | 'endpoint_url', string>> {
  const at = (field: string) => (error instanceof Problem ? error.at(field) : undefined)
  const [name, endpoint_url] = [at('name'), at('endpoint_url')]
  return { ...(name && { name }), ...(endpoint_url && { endpoint_url }) }
}

function Created({ destination }: { destination: CreatedDestination }) {
  const { t } = useTranslation()
  const [stored, setStored] = useState(false)
  return (
    <Stack gap="xs" mt="md">
      <Text fw={600}>{t('create.done')}</Text>
      {!destination.signing_secret && (
        <Text size="sm" c="dimmed">
          {t('create.secretGone')}
        </Text>
      )}
      {destination.signing_secret && !stored && (
        <Later when wait>
          <SecretOnce name={destination.name} secret={destination.signing_secret} onStored={() => setStored(true)} />
        </Later>
      )}
    </Stack>
  )
}
