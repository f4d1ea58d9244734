// Sends again what failed since a moment, or what was never sent: counted first, then done by a job.
import { Alert, Select, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { jobsQuery } from '../../api/deadLetters'
import { type Destination, useCatchUp } from '../../api/destinations'
import { useFormats } from '../../i18n/format'
import { Confirm } from '../../ui/Confirm'
import { JobProgress } from '../../ui/JobProgress'
import { tellProblem } from '../../ui/notify'

const SPANS_H = [1, 6, 24, 72, 168]
const HOUR_MS = 3_600_000

type Props = { destination: Destination; kind: 'recover' | 'replay-missing'; opened: boolean; onClose: () => void }

export function CatchUp({ destination, kind, opened, onClose }: Props) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const run = useCatchUp(destination.id, kind)
  const [hours, setHours] = useState('24')
  const [counted, setCounted] = useState<number>()
  const [job, setJob] = useState<string>()
  const jobs = useQuery({ ...jobsQuery, enabled: job !== undefined })
  const found = jobs.data?.data.find(({ id }) => id === job)
  const words = kind === 'recover' ? 'recover' : 'missing'

  function go(dry_run: boolean) {
    const since = new Date(Date.now() - Number(hours) * HOUR_MS).toISOString()
    run.mutate(
      { since, dry_run },
      {
        onSuccess: (answer) => {
          setCounted(answer.count)
          if ('job_id' in answer) setJob(answer.job_id)
        },
        onError: tellProblem,
      },
    )
  }
  function close() {
    setCounted(undefined)
    setJob(undefined)
    onClose()
  }
  const ready = counted !== undefined && counted > 0 && !job
  return (
    <Confirm
      id={`catch-up-${kind}`}
      opened={opened}
      onClose={close}
      title={t(`catchUp.${words}.title`, { name: destination.name })}
      text={t(`catchUp.${words}.lead`)}
      act={ready ? t('catchUp.act', { count: counted }) : t('catchUp.count')}
      busy={run.isPending}
      disabled={job !== undefined}
      onAct={() => go(!ready)}
    >
      <Stack gap="sm" mt="sm">
        <Select
          id={`catch-up-${kind}-since`}
          label={t('catchUp.since')}
          allowDeselect={false}
          value={hours}
          onChange={(value) => {
            setHours(value ?? '24')
            setCounted(undefined)
          }}
          data={SPANS_H.map((span) => ({ value: String(span), label: t('catchUp.last', { span: duration(span * HOUR_MS) }) }))}
        />
        {counted !== undefined && !job && (
          <Alert role="status" color={counted > 0 ? 'lake' : 'gray'} py="xs">
            <Text size="sm">{t('catchUp.counted', { count: counted })}</Text>
          </Alert>
        )}
        {found && <JobProgress job={found} />}
      </Stack>
    </Confirm>
  )
}
