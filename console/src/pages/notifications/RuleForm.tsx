// A rule: whom to tell, of what, and how seldom.
import { Button, Checkbox, Group, NativeSelect, NumberInput, Stack, Switch, TagsInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useIntent } from '../../api/keys'
import { type Notification, useRemoveNotification, useSaveNotification, useTestNotification } from '../../api/notifications'
import { Confirm } from '../../ui/Confirm'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import { tell, tellProblem, warn } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'
import { type TriggerName, type Values, bodyOf, triggerNames, valuesOf } from './notificationValues'

const fields = ['name', 'channel', 'triggers', 'cooldown_seconds'] as const
const channels = ['smtp', 'slack', 'teams'] as const

export function RuleForm({ rule, onDone }: { rule: Notification | undefined; onDone: () => void }) {
  const { t } = useTranslation()
  const intent = useIntent()
  const save = useSaveNotification(rule?.id)
  const form = useForm<Values>({
    initialValues: valuesOf(rule),
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      triggers: (value) => (value.length > 0 ? null : t('notifications.needTrigger')),
    },
  })
  const rest = useProblems(form, save.error, fields)
  const submit = form.onSubmit((values) => {
    const body = bodyOf(values)
    save.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: () => [intent.done(), tell(t('destinationForm.saved')), onDone()] },
    )
  })
  const { values } = form
  const tells = (trigger: TriggerName) => values.triggers.includes(trigger)
  const [many, waits] = [tells('dead_letters'), tells('oldest_due_age')]
  return (
    <form id="notification-form" onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput id="notification-name" label={t('people.name')} {...form.getInputProps('name')} />
        <NativeSelect
          id="notification-channel"
          size="sm"
          label={t('notifications.channel')}
          data={channels.map((value) => ({ value, label: t(`notifications.channel_${value}`) }))}
          {...form.getInputProps('channel')}
          error={undefined}
        />
        {values.channel === 'smtp' ? (
          <TagsInput
            id="notification-to"
            label={t('notifications.to')}
            {...form.getInputProps('to')}
            error={form.errors.channel ?? form.errors.to}
          />
        ) : (
          <TextInput
            id="notification-url"
            type="url"
            label={t('notifications.url')}
            description={rule ? t('notifications.urlKept') : undefined}
            autoComplete="off"
            {...form.getInputProps('url')}
            error={form.errors.channel ?? form.errors.url}
          />
        )}
        <Checkbox.Group label={t('notifications.triggers')} {...form.getInputProps('triggers')}>
          <Stack gap={10} mt={4}>
            {triggerNames.map((trigger) => (
              <Checkbox
                key={trigger}
                id={domId('trigger', trigger)}
                value={trigger}
                label={t(`notifications.trigger_${trigger}`)}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        {many && (
          <Group grow>
            <NumberInput id="notification-count" label={t('notifications.count')} hideControls {...form.getInputProps('count')} />
            <NumberInput
              id="notification-window"
              label={t('notifications.window')}
              hideControls
              {...form.getInputProps('window_seconds')}
            />
          </Group>
        )}
        {waits && (
          <NumberInput id="notification-age" label={t('notifications.age')} hideControls {...form.getInputProps('seconds')} />
        )}
        <NumberInput
          id="notification-cooldown"
          label={t('notifications.cooldown')}
          hideControls
          {...form.getInputProps('cooldown_seconds')}
        />
        <Switch id="notification-enabled" label={t('inbound.isActive')} {...form.getInputProps('enabled', { type: 'checkbox' })} />
        {rest && <Notice id="notification-problem" error={save.error} />}
        <Group justify="space-between">
          {rule ? <RuleActions rule={rule} onGone={onDone} /> : <span />}
          <Button id="notification-submit" type="submit" loading={save.isPending}>
            {t('common.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function RuleActions({ rule, onGone }: { rule: Notification; onGone: () => void }) {
  const { t } = useTranslation()
  const test = useTestNotification()
  const remove = useRemoveNotification()
  const [asking, setAsking] = useState(false)
  const send = () =>
    test.mutate(rule.id, {
      onSuccess: ({ sent, error }) => (sent ? tell(t('notifications.tested')) : warn(error ?? t('notifications.notTested'))),
      onError: tellProblem,
    })
  return (
    <Group gap="xs">
      <Button id="notification-test" variant="default" loading={test.isPending} onClick={send}>
        {t('destination.test')}
      </Button>
      <Button id="notification-delete" variant="default" onClick={() => setAsking(true)}>
        {t('destination.delete')}
      </Button>
      <Confirm
        id="delete-notification"
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('destination.deleteTitle', { name: rule.name })}
        act={t('destination.delete')}
        danger
        busy={remove.isPending}
        onAct={() => remove.mutate(rule.id, { onSuccess: onGone, onError: tellProblem })}
      />
    </Group>
  )
}
