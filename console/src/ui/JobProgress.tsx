// Work over many deliveries: how far it is, and how to hold or end it.
import { Badge, Button, Group, Progress, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { type Job, isRunning, useSteerJob } from '../api/deadLetters'
import { useSession } from '../api/session'
import { useFormats } from '../i18n/format'
import type { Tone } from './StateBadge'
import { Time } from './Time'
import { domId } from './domId'
import { tellProblem } from './notify'

const kinds = ['replay', 'discard', 'recover', 'replay_missing', 'cancel_backlog', 'inbound_replay'] as const
const states = ['running', 'paused', 'completed', 'cancelled'] as const
const tones: Record<(typeof states)[number], Tone> = { running: 'lake', paused: 'grape', completed: 'teal', cancelled: 'gray' }

/** Share of the work that is done; what nobody counted has none until it ends. */
export function shareOf({ done, skipped, total, state }: Pick<Job, 'done' | 'skipped' | 'total' | 'state'>): number {
  if (state === 'completed') return 100
  return total ? Math.min(100, ((done + skipped) / total) * 100) : 0
}

export function JobProgress({ job }: { job: Job }) {
  const { t } = useTranslation()
  const { number } = useFormats()
  const kind = kinds.find((each) => each === job.kind)
  const state = states.find((each) => each === job.state)
  const share = shareOf(job)
  const title = kind ? t(`job.kind.${kind}`) : job.kind
  return (
    <Stack gap={6} role="group" aria-label={title}>
      <Group justify="space-between" gap="xs">
        <Group gap={8}>
          <Text size="sm" fw={600}>
            {title}
          </Text>
          <Badge color={state ? tones[state] : 'gray'}>{state ? t(`job.state.${state}`) : job.state}</Badge>
        </Group>
        <Text size="xs" c="dimmed">
          <Time at={job.created_at} />
        </Text>
      </Group>
      <Progress.Root size="md">
        <Progress.Section value={share} aria-label={title} color={state ? tones[state] : 'gray'} />
      </Progress.Root>
      <Group justify="space-between" gap="xs">
        <Text size="xs" c="dimmed">
          {t('job.progress', { done: number(job.done), total: job.total == null ? '?' : number(job.total) })}
          {job.skipped > 0 && `, ${t('job.skipped', { count: job.skipped })}`}
          {job.trouble && `, ${job.trouble}`}
        </Text>
        {isRunning(job) && <Steering job={job} />}
      </Group>
    </Stack>
  )
}

function Steering({ job }: { job: Job }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const steer = useSteerJob(job)
  if (!may(job.kind === 'inbound_replay' ? 'inbound_webhook:replay' : 'delivery:replay')) return null
  const to = (step: 'pause' | 'resume' | 'cancel') => steer.mutate({ id: job.id, to: step }, { onError: tellProblem })
  return (
    <Group gap={6}>
      {job.state === 'running' ? (
        <Button id={domId('pause', job.id)} size="compact-xs" variant="default" onClick={() => to('pause')}>
          {t('job.pause')}
        </Button>
      ) : (
        <Button id={domId('resume', job.id)} size="compact-xs" variant="default" onClick={() => to('resume')}>
          {t('job.resume')}
        </Button>
      )}
      <Button id={domId('cancel', job.id)} size="compact-xs" variant="default" onClick={() => to('cancel')}>
        {t('job.cancel')}
      </Button>
    </Group>
  )
}
