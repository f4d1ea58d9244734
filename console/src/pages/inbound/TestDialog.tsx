// Sends a body through the webhook as it is, past its authentication, and shows what became of it.
import { Alert, JsonInput, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundWebhook, useTestInbound } from '../../api/inbound'
import { Confirm } from '../../ui/Confirm'
import { Notice } from '../../ui/Notice'
import { sampleBody } from '../../ui/curl'
import { headersOf } from '../verify/signature'

export function TestDialog({ webhook, onClose }: { webhook: InboundWebhook; onClose: () => void }) {
  const { t } = useTranslation()
  const handler = webhook.handler_config as { field_mapping?: Record<string, string> } | null | undefined
  const [body, setBody] = useState(() => JSON.stringify(sampleBody(handler?.field_mapping), null, 2))
  const [headers, setHeaders] = useState('')
  const test = useTestInbound(webhook.id)
  const fine = isJson(body)
  const delivery = test.data?.delivery
  return (
    <Confirm
      id="test-inbound"
      opened
      onClose={onClose}
      title={t('inboundForm.testTitle', { name: webhook.name })}
      text={t('inboundForm.testLead')}
      act={t('destination.test')}
      busy={test.isPending}
      disabled={!fine}
      onAct={() => test.mutate({ body: JSON.parse(body) as unknown, headers: Object.fromEntries(headersOf(headers)) })}
    >
      <Stack gap="sm" mt="sm">
        <JsonInput
          id="test-inbound-payload"
          label={t('verify.body')}
          autosize
          minRows={5}
          maxRows={14}
          classNames={{ input: 'mono' }}
          error={fine ? undefined : t('common.noJson')}
          value={body}
          onChange={setBody}
        />
        <Textarea
          id="test-inbound-headers"
          label={t('verify.headers')}
          description={t('verify.headersHint')}
          autosize
          classNames={{ input: 'mono' }}
          value={headers}
          onChange={(event) => setHeaders(event.currentTarget.value)}
        />
        {test.error && <Notice id="test-inbound-problem" error={test.error} />}
        {delivery && (
          <Alert role="status" color={delivery.dispatch_status === 'failed' ? 'red' : 'teal'}>
            <Text size="sm">
              {t('inboundForm.tested', { status: delivery.response_status ?? '', result: delivery.dispatch_status })}
              {delivery.error && `: ${delivery.error}`}
            </Text>
          </Alert>
        )}
      </Stack>
    </Confirm>
  )
}

function isJson(text: string) {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
