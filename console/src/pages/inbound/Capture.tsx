// Waits for the first request that verifies and keeps it: what mappings are written against.
import { Button, Group, Paper, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, sampleQuery, useCapture } from '../../api/inbound'
import { useFormats } from '../../i18n/format'
import { Code, pretty } from '../../ui/Code'
import { tellProblem } from '../../ui/notify'

export function Capture({ webhook }: { webhook: InboundWebhook }) {
  const { t } = useTranslation()
  const { short } = useFormats()
  const sample = useQuery(sampleQuery(webhook.id)).data
  const capture = useCapture(webhook.id)
  const left = useCountdown(sample?.capture_expires_at)
  const turn = (wanted: boolean) => capture.mutate(wanted, { onError: tellProblem })
  return (
    <Paper component="section" p="sm" aria-label={t('capture.title')}>
      <Group justify="space-between">
        <div role="status">
          <Text size="sm" fw={600}>
            {t('capture.title')}
          </Text>
          <Text size="sm" c="dimmed" id="capture-state">
            {left !== undefined
              ? t('capture.waiting', { time: left })
              : sample?.captured_at
                ? t('capture.kept', { time: short(sample.captured_at) })
                : t('capture.none')}
          </Text>
        </div>
        <Group gap="xs">
          <Button id="capture-start" variant="default" loading={capture.isPending} onClick={() => turn(true)}>
            {sample?.captured_at ? t('capture.again') : t('capture.start')}
          </Button>
          {(left !== undefined || sample?.captured_at) && (
            <Button id="capture-clear" variant="subtle" onClick={() => turn(false)}>
              {t('capture.clear')}
            </Button>
          )}
        </Group>
      </Group>
      {sample?.captured_at && (
        <div style={{ marginTop: 8 }}>
          <Code id="capture-sample" text={pretty(sample.document)} label={t('inboundForm.sample')} />
        </div>
      )}
    </Paper>
  )
}

/** `4:59`, counting down by the second; nothing once it is over. */
function useCountdown(until: string | null | undefined): string | undefined {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!until) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [until])
  if (!until) return undefined
  const seconds = Math.floor((new Date(until).getTime() - now) / 1000)
  return seconds > 0 ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` : undefined
}
