// Many logged requests again: first how many, then a job with a pace of its own.
import { Alert, NativeSelect, NumberInput, Stack, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { InboundWebhook, LogFilter } from '../../api/inbound'
import { type InboundBulk, useBulkReplay } from '../../api/inboundJobs'
import { randomKey } from '../../api/keys'
import { Confirm } from '../../ui/Confirm'
import { Notice } from '../../ui/Notice'
import { tell } from '../../ui/notify'

const RATE = 50

type Props = { webhook: InboundWebhook; filter: LogFilter; onClose: () => void }

/** Whether a job can be told what the log is filtered by: what was turned away is never done again. */
export const isReplayable = ({ status, auth_status, is_replay }: LogFilter) =>
  status !== 'pending' && (!auth_status || auth_status === 'verified') && is_replay === undefined

export function BulkReplay({ webhook, filter, onClose }: Props) {
  const { t } = useTranslation()
  const [rate, setRate] = useState<number | string>(RATE)
  const [config, setConfig] = useState('current')
  const [key] = useState(randomKey)
  const count = useBulkReplay(webhook.id)
  const run = useBulkReplay(webhook.id)
  const { status, dead_lettered, search } = filter
  const asked = JSON.stringify({ status, dead_lettered, search })
  const { mutate } = count
  useEffect(() => {
    mutate({ filter: JSON.parse(asked) as InboundBulk['filter'], dry_run: true, key: randomKey() })
  }, [mutate, asked])
  const found = count.data?.count
  function go() {
    run.mutate(
      {
        filter: JSON.parse(asked) as InboundBulk['filter'],
        config: config === 'original' ? 'original' : 'current',
        rate_per_second: Number(rate) || RATE,
        key,
      },
      { onSuccess: () => [tell(t('deadLetters.started')), onClose()] },
    )
  }
  return (
    <Confirm
      id="inbound-bulk"
      opened
      onClose={onClose}
      title={t('inboundLog.bulkTitle')}
      text={t('inboundLog.bulkLead')}
      act={t('deadLetters.replayAct', { count: found ?? 0 })}
      busy={run.isPending || count.isPending}
      disabled={!found}
      onAct={go}
    >
      <Stack gap="sm" mt="sm">
        {found !== undefined && found !== null && (
          <Alert role="status" color={found > 0 ? 'lake' : 'gray'} py="xs">
            <Text size="sm">{t('inboundLog.bulkCounted', { count: found })}</Text>
          </Alert>
        )}
        <NativeSelect
          id="inbound-bulk-config"
          label={t('inboundLog.bulkConfig')}
          data={[
            { value: 'current', label: t('inboundLog.bulkNow') },
            { value: 'original', label: t('inboundLog.bulkThen') },
          ]}
          value={config}
          onChange={(event) => setConfig(event.currentTarget.value)}
        />
        <NumberInput
          id="inbound-bulk-rate"
          label={t('deadLetters.rate')}
          min={1}
          max={1000}
          hideControls
          value={rate}
          onChange={setRate}
        />
        {(count.error ?? run.error) && <Notice id="inbound-bulk-problem" error={count.error ?? run.error} />}
      </Stack>
    </Confirm>
  )
}
