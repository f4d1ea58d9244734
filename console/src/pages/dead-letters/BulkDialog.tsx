// Many at once: first how many, then a job with a pace of its own.
import { Alert, NumberInput, Stack, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Bulk, type DeadLetterFilter, useBulk } from '../../api/deadLetters'
import { randomKey } from '../../api/keys'
import { Confirm } from '../../ui/Confirm'
import { Notice } from '../../ui/Notice'
import { tell } from '../../ui/notify'

export type BulkKind = 'replay' | 'discard'

const RATE = 50

type Props = {
  kind: BulkKind
  /** None chosen: all that the filter shows. */
  ids: readonly string[]
  filter: DeadLetterFilter
  onClose: () => void
  onStarted: () => void
}

export function BulkDialog({ kind, ids, filter, onClose, onStarted }: Props) {
  const { t } = useTranslation()
  const [rate, setRate] = useState<number | string>(RATE)
  const [key] = useState(randomKey)
  const count = useBulk(kind)
  const run = useBulk(kind)
  const what: Bulk = ids.length > 0 ? { ids: [...ids] } : { filter }
  const asked = JSON.stringify(what)
  const { mutate } = count
  useEffect(() => {
    mutate({ ...(JSON.parse(asked) as Bulk), dry_run: true, key: randomKey() })
  }, [mutate, asked])
  const found = count.data?.count
  function go() {
    run.mutate(
      { ...what, rate_per_second: Number(rate) || RATE, key },
      {
        onSuccess: () => {
          tell(t('deadLetters.started'))
          onStarted()
        },
      },
    )
  }
  return (
    <Confirm
      id={`bulk-${kind}`}
      opened
      onClose={onClose}
      title={kind === 'replay' ? t('deadLetters.replayTitle') : t('deadLetters.discardTitle')}
      text={kind === 'replay' ? t('deadLetters.replayLead') : t('deadLetters.discardLead')}
      act={kind === 'replay' ? t('deadLetters.replayAct', { count: found ?? 0 }) : t('deadLetters.discardAct', { count: found ?? 0 })}
      danger={kind === 'discard'}
      busy={run.isPending || count.isPending}
      disabled={!found}
      onAct={go}
    >
      <Stack gap="sm" mt="sm">
        {found !== undefined && (
          <Alert role="status" color={found > 0 ? 'lake' : 'gray'} py="xs">
            <Text size="sm">{t('deadLetters.counted', { count: found })}</Text>
          </Alert>
        )}
        <NumberInput
          id={`bulk-${kind}-rate`}
          label={t('deadLetters.rate')}
          description={t('deadLetters.rateHint')}
          min={1}
          max={1000}
          hideControls
          value={rate}
          onChange={setRate}
        />
        {(count.error ?? run.error) && <Notice id={`bulk-${kind}-problem`} error={count.error ?? run.error} />}
      </Stack>
    </Confirm>
  )
}
