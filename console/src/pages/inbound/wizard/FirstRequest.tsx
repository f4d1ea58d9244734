// Waits for the sender's first request, or makes one itself: over the same URL, proven with the same secret.
import { Alert, Button, Collapse, Group, JsonInput, Stack, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type CreatedInbound, sampleQuery, useCapture } from '../../../api/inbound'
import { Notice } from '../../../ui/Notice'
import { samplePayload } from '../../../ui/curl'
import { tellProblem } from '../../../ui/notify'
import { Capture } from '../Capture'
import { type Auth, type SampleRequest, sampleRequest } from './send'

type Props = { webhook: CreatedInbound; auth: Auth; secret: string; onNext: () => void }

export function FirstRequest({ webhook, auth, secret, onNext }: Props) {
  const { t } = useTranslation()
  const sample = useQuery(sampleQuery(webhook.id)).data
  const { mutate } = useCapture(webhook.id)
  const began = useRef(false)
  useEffect(() => {
    // Once: whoever comes back begins anew by the button.
    if (began.current) return
    began.current = true
    mutate(true, { onError: tellProblem })
  }, [mutate])
  const there = Boolean(sample?.captured_at)
  return (
    <Stack gap="md">
      <Text size="sm">{t('wizard.waiting')}</Text>
      <Capture webhook={webhook} />
      {!there && <OwnSample webhook={webhook} auth={auth} secret={secret} />}
      <Group justify="end">
        <Button id="wizard-skip" variant={there ? 'filled' : 'default'} onClick={onNext}>
          {there ? t('wizard.map') : t('wizard.skip')}
        </Button>
      </Group>
    </Stack>
  )
}

async function send({ path, headers, body }: SampleRequest): Promise<number> {
  const answer = await fetch(path, {
    method: 'POST',
    credentials: 'omit',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  })
  return answer.status
}

function OwnSample({ webhook, auth, secret }: Omit<Props, 'onNext'>) {
  const { t } = useTranslation()
  const [shown, setShown] = useState(false)
  const [body, setBody] = useState(() => JSON.stringify(samplePayload, null, 2))
  const sending = useMutation({
    mutationFn: async () => {
      const request = await sampleRequest({ auth, secret, url: webhook.url, body: JSON.stringify(JSON.parse(body)), now: Date.now() })
      return request ? send(request) : undefined
    },
  })
  return (
    <div>
      <Button id="wizard-own" variant="subtle" size="compact-sm" aria-expanded={shown} onClick={() => setShown(!shown)}>
        {t('wizard.own')}
      </Button>
      <Collapse expanded={shown}>
        <Stack gap="sm" mt="xs">
          <JsonInput
            id="wizard-own-body"
            label={t('verify.body')}
            autosize
            minRows={5}
            maxRows={14}
            classNames={{ input: 'mono' }}
            validationError={t('common.noJson')}
            value={body}
            onChange={setBody}
          />
          {sending.error && <Notice id="wizard-own-problem" error={sending.error} />}
          {sending.isSuccess && (
            <Alert role="status" color={sending.data === undefined ? 'yellow' : 'gray'} py="xs">
              <Text size="sm">
                {sending.data === undefined ? t('wizard.ownNot') : t('wizard.ownSent', { status: sending.data })}
              </Text>
            </Alert>
          )}
          <div>
            <Button id="wizard-own-send" variant="default" loading={sending.isPending} onClick={() => sending.mutate()}>
              {t('wizard.ownSend')}
            </Button>
          </div>
        </Stack>
      </Collapse>
    </div>
  )
}
