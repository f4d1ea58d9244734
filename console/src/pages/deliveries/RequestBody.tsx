// What of a delivery goes out: the event as destinations get it, without anything that authenticates.
import { Button, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Delivery, requestQuery } from '../../api/deliveries'
import { useSession } from '../../api/session'
import { Code, pretty } from '../../ui/Code'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'

export function RequestBody({ delivery: { id } }: { delivery: Delivery }) {
  const { t } = useTranslation()
  const { session } = useSession()
  const [open, setOpen] = useState(false)
  const envelope = useQuery({ ...requestQuery(id), enabled: open })
  if (session.redacted) {
    return (
      <Text size="sm" c="dimmed">
        {t('delivery.requestRedacted')}
      </Text>
    )
  }
  if (!open) {
    return (
      <Button id="delivery-request-show" variant="default" onClick={() => setOpen(true)}>
        {t('delivery.requestShow')}
      </Button>
    )
  }
  return (
    <Stack gap={6}>
      {envelope.isPending && <Loading rows={2} />}
      {envelope.error && <Notice id="delivery-request-problem" error={envelope.error} />}
      {envelope.data !== undefined && (
        <>
          <Code id="delivery-request-body" text={pretty(envelope.data)} label={t('attempt.request')} />
          <Text size="xs" c="dimmed">
            {t('delivery.requestNote')}
          </Text>
        </>
      )}
    </Stack>
  )
}
