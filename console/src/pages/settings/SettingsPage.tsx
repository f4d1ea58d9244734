// What a tenant switches on, and how its deliveries are tried where a destination says nothing else.
import { Button, NativeSelect, NumberInput, Paper, SimpleGrid, Stack, Switch, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { settingsQuery, useSetSettings } from '../../api/accounts'
import { type Policy, policyQuery, useSetPolicy } from '../../api/destinations'
import { useSending } from '../../api/health'
import { useSession, useSetFeatures } from '../../api/session'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { tell, tellProblem } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'
import { scheduleOf } from '../destinations/destinationValues'

export function SettingsPage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const policy = useQuery({ ...policyQuery, enabled: may('destination:read') })
  return (
    <Page title={t('settings.title')} lead={t('settings.lead')}>
      <Switches />
      {policy.isLoading && <Loading />}
      {policy.data && <PolicyForm policy={policy.data} />}
      {may('destination:update') && <Sending />}
    </Page>
  )
}

function Switches() {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const features = useSetFeatures()
  const settings = useQuery(settingsQuery)
  const set = useSetSettings()
  const writes = may('feature:write')
  const done = { onSuccess: () => tell(t('destinationForm.saved')), onError: tellProblem }
  return (
    <Paper component="section" p="md" aria-label={t('settings.switches')}>
      <Title order={2} mb="sm">
        {t('settings.switches')}
      </Title>
      {settings.error && <Notice id="settings-problem" error={settings.error} onRetry={settings.refetch} />}
      <Stack gap="md">
        <Switch
          id="feature-inbound"
          label={t('inbound.switch')}
          description={t('inbound.off')}
          disabled={!writes || features.isPending}
          checked={session.features.inbound_webhooks_enabled}
          onChange={(event) => features.mutate({ inbound_webhooks_enabled: event.currentTarget.checked }, done)}
        />
        <Switch
          id="setting-strict-types"
          label={t('settings.strict')}
          description={t('settings.strictHint')}
          disabled={!writes || !settings.data || set.isPending}
          checked={settings.data?.strict_event_types ?? false}
          onChange={(event) => set.mutate({ strict_event_types: event.currentTarget.checked }, done)}
        />
        <Switch
          id="setting-ownership"
          label={t('settings.ownership')}
          description={t('settings.ownershipHint')}
          disabled={!writes || !settings.data || set.isPending}
          checked={settings.data?.require_ownership_challenge ?? false}
          onChange={(event) => set.mutate({ require_ownership_challenge: event.currentTarget.checked }, done)}
        />
      </Stack>
    </Paper>
  )
}

const outcomes = ['dead_letter', 'park', 'discard'] as const
const profiles = ['standard', 'oneprotect', 'fr022', 'alga'] as const
const fields = ['max_attempts', 'schedule_seconds', 'timeout_ms', 'jitter', 'on_exhausted', 'default_signing_profile'] as const

function PolicyForm({ policy }: { policy: Policy }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const save = useSetPolicy()
  const form = useForm({
    initialValues: {
      max_attempts: policy.max_attempts ?? 10,
      schedule_seconds: policy.schedule_seconds?.join(', ') ?? '',
      timeout_ms: policy.timeout_ms ?? 15_000,
      jitter: policy.jitter ?? 0.2,
      on_exhausted: policy.on_exhausted ?? 'dead_letter',
      default_signing_profile: policy.default_signing_profile ?? 'standard',
    },
    validate: { schedule_seconds: (value) => (scheduleOf(value)?.length ? null : t('destinationForm.badSchedule')) },
  })
  const rest = useProblems(form, save.error, fields)
  const writes = may('destination:update')
  const submit = form.onSubmit(({ schedule_seconds, ...values }) =>
    save.mutate(
      { ...values, schedule_seconds: scheduleOf(schedule_seconds) ?? [] },
      { onSuccess: () => tell(t('destinationForm.saved')) },
    ),
  )
  return (
    <Paper component="section" p="md" aria-label={t('settings.policy')}>
      <Title order={2} mb="sm">
        {t('settings.policy')}
      </Title>
      <form id="policy-form" onSubmit={submit} noValidate>
        <fieldset disabled={!writes} className="bare">
          <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }} spacing="sm">
            <NumberInput
              id="policy-max-attempts"
              label={t('destination.attempts')}
              hideControls
              {...form.getInputProps('max_attempts')}
            />
            <NumberInput
              id="policy-timeout"
              label={t('destinationForm.timeoutMs')}
              hideControls
              {...form.getInputProps('timeout_ms')}
            />
            <TextInput id="policy-schedule" label={t('destinationForm.schedule')} {...form.getInputProps('schedule_seconds')} />
            <NumberInput
              id="policy-jitter"
              label={t('destinationForm.jitter')}
              hideControls
              decimalScale={2}
              {...form.getInputProps('jitter')}
            />
            <NativeSelect
              id="policy-exhausted"
              size="sm"
              label={t('destination.exhausted')}
              data={outcomes.map((value) => ({ value, label: t(`destination.exhausted_${value}`) }))}
              {...form.getInputProps('on_exhausted')}
            />
            <NativeSelect
              id="policy-profile"
              size="sm"
              label={t('destination.signing')}
              data={profiles.map((value) => ({ value, label: t(`destinationForm.profile_${value}`) }))}
              {...form.getInputProps('default_signing_profile')}
            />
          </SimpleGrid>
          {rest && <Notice id="policy-problem" error={save.error} />}
          {writes && (
            <Button id="policy-submit" type="submit" mt="md" loading={save.isPending}>
              {t('common.save')}
            </Button>
          )}
        </fieldset>
      </form>
    </Paper>
  )
}

/** The brake for everything that goes out. */
function Sending() {
  const { t } = useTranslation()
  const sending = useSending()
  const to = (step: 'pause' | 'resume') =>
    sending.mutate(step, {
      onSuccess: ({ sending_paused }) => tell(sending_paused ? t('settings.paused') : t('health.resumed')),
      onError: tellProblem,
    })
  return (
    <Paper component="section" p="md" aria-label={t('settings.sending')}>
      <Title order={2} mb={4}>
        {t('settings.sending')}
      </Title>
      <p className="faint">{t('settings.sendingLead')}</p>
      <Button id="sending-pause" variant="default" mr="xs" loading={sending.isPending} onClick={() => to('pause')}>
        {t('settings.pause')}
      </Button>
      <Button id="sending-resume" variant="default" loading={sending.isPending} onClick={() => to('resume')}>
        {t('health.resume')}
      </Button>
    </Paper>
  )
}
