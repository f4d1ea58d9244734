// The request that is tried on, and its places to be clicked into the expressions.
import { JsonInput, NativeSelect, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { useFormats } from '../../i18n/format'
import { SampleTree } from './SampleTree'
import { CAPTURED, PASTED, type Trial } from './useTrial'

type Props = { trial: Trial; focused: string; onPick: (path: string) => void }

export function SampleColumn({ trial, focused, onPick }: Props) {
  const { t } = useTranslation()
  const { short } = useFormats()
  const { source, setSource, pasted, setPasted, document, capturedAt, deliveries } = trial
  const choices = [
    ...(capturedAt ? [{ value: CAPTURED, label: t('sample.captured', { time: short(capturedAt) }) }] : []),
    ...deliveries.map(({ id, received_at }) => ({ value: id, label: t('sample.delivery', { time: short(received_at) }) })),
    { value: PASTED, label: t('sample.pasted') },
  ]
  const bad = source === PASTED && pasted.trim() !== '' && document === undefined
  return (
    <section aria-label={t('inboundForm.sample')} className="sample-column">
      <Stack gap="xs">
        <NativeSelect
          id="sample-source"
          label={t('sample.source')}
          data={choices}
          value={source}
          onChange={(event) => setSource(event.currentTarget.value)}
        />
        {source === PASTED && (
          <JsonInput
            id="sample-pasted"
            label={t('sample.body')}
            autosize
            minRows={4}
            maxRows={12}
            classNames={{ input: 'mono' }}
            value={pasted}
            error={bad ? t('common.noJson') : undefined}
            onChange={setPasted}
          />
        )}
        {document !== undefined && document !== null ? (
          <>
            <Text size="xs" c="dimmed">
              {t('inboundForm.sampleHint', { field: focused })}
            </Text>
            <SampleTree document={document} label={t('inboundForm.sample')} onPick={onPick} />
          </>
        ) : (
          <Text size="xs" c="dimmed">
            {t('inboundForm.noSample')}
          </Text>
        )}
      </Stack>
    </section>
  )
}
