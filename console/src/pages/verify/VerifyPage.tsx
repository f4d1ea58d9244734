// Paste what arrived, and see why its signature fails. Computed here; nothing is sent anywhere.
import { Alert, Button, List, NativeSelect, Paper, PasswordInput, Stack, Text, Textarea, ThemeIcon } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconCheck, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Page } from '../../ui/Page'
import { type Detail, type Input, type ProfileName, type Step, check, profiles } from './signature'

const checkNow = (values: Omit<Input, 'now'>) => check({ ...values, now: Date.now() })

export function VerifyPage() {
  const { t } = useTranslation()
  const [steps, setSteps] = useState<Step[]>()
  const form = useForm({ initialValues: { profile: 'standard' as ProfileName, headers: '', body: '', secret: '' } })
  // The browser computes for pages on HTTPS and loopback only.
  const able = typeof globalThis.crypto.subtle !== 'undefined'
  const submit = form.onSubmit((values) => void checkNow(values).then(setSteps))
  return (
    <Page title={t('verify.title')} lead={t('verify.lead')}>
      {!able && (
        <Alert role="note" color="yellow">
          {t('verify.insecure')}
        </Alert>
      )}
      <Paper p="md">
        <form id="verify-form" onSubmit={submit} onChange={() => setSteps(undefined)}>
          <Stack gap="sm">
            <NativeSelect
              id="verify-profile"
              size="sm"
              maw={320}
              label={t('destination.signing')}
              data={profiles.map((value) => ({ value, label: t(`destinationForm.profile_${value}`) }))}
              {...form.getInputProps('profile')}
            />
            <Textarea
              id="verify-headers"
              label={t('verify.headers')}
              description={t('verify.headersHint')}
              autosize
              minRows={4}
              classNames={{ input: 'mono' }}
              {...form.getInputProps('headers')}
            />
            <Textarea
              id="verify-body"
              label={t('verify.body')}
              description={t('verify.bodyHint')}
              autosize
              minRows={4}
              maxRows={16}
              classNames={{ input: 'mono' }}
              {...form.getInputProps('body')}
            />
            <PasswordInput
              id="verify-secret"
              label={t('create.secretLabel')}
              autoComplete="off"
              visibilityToggleButtonProps={{ id: 'verify-secret-show', 'aria-label': t('signIn.showPassword') }}
              {...form.getInputProps('secret')}
            />
            <div>
              <Button id="verify-submit" type="submit" disabled={!able}>
                {t('verify.check')}
              </Button>
            </div>
          </Stack>
        </form>
      </Paper>
      <div role="status">{steps && <Steps steps={steps} />}</div>
    </Page>
  )
}

function Steps({ steps }: { steps: Step[] }) {
  const { t } = useTranslation()
  const good = steps.every(({ ok }) => ok)
  return (
    <Alert color={good ? 'teal' : 'red'} title={good ? t('verify.good') : t('verify.bad')}>
      <List spacing="xs" size="sm" center={false}>
        {steps.map(({ step, ok, detail }) => (
          <List.Item
            key={step}
            icon={
              <ThemeIcon size={20} radius="xl" color={ok ? 'teal' : 'red.8'}>
                {ok ? <IconCheck size={13} aria-hidden /> : <IconX size={13} aria-hidden />}
              </ThemeIcon>
            }
          >
            <Text size="sm" fw={600} span>
              {t(`verify.step_${step}`)}:
            </Text>{' '}
            <DetailText detail={detail} />
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}

function DetailText({ detail }: { detail: Detail }) {
  const { t } = useTranslation()
  switch (detail.kind) {
    case 'fine':
      return t('verify.fine')
    case 'missing':
      return t('verify.missing', { name: detail.name })
    case 'unreadable':
      return t('verify.unreadable', { name: detail.name })
    case 'old':
      return t('verify.old', { count: detail.seconds })
    case 'emptySecret':
      return t('verify.emptySecret')
    case 'notBase64':
      return t('verify.notBase64')
    case 'differs':
      return (
        <>
          {t('verify.differs')} {detail.hint && <strong>{t(`verify.hint_${detail.hint}`)}</strong>}
          <br />
          {t('verify.expected')} <code className="mono">{detail.expected}</code>
          <br />
          {t('verify.given')} <code className="mono">{detail.given}</code>
        </>
      )
  }
}
