// A secret that is never shown again. Whoever leaves the page before saying that it is stored is asked.
import { Alert, Button, Group, Modal, Text } from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import { useBlocker } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { Copy } from './Copy'

type Props = { name: string; secret: string; onStored: () => void; title?: string; lead?: string }

export function SecretOnce({ name, secret, onStored, title, lead }: Props) {
  const { t } = useTranslation()
  const shown = useRef<HTMLElement>(null)
  useEffect(() => {
    shown.current?.focus()
  }, [])
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => current.pathname !== next.pathname,
    enableBeforeUnload: true,
    withResolver: true,
  })
  return (
    <Alert role="note" color="teal" icon={<IconKey aria-hidden />} title={title ?? t('create.secretTitle', { name })}>
      <Text size="sm">{lead ?? t('create.secretLead')}</Text>
      <Group gap="xs" mt="sm">
        <code id="signing-secret" className="mono secret" ref={shown} tabIndex={-1} aria-label={t('create.secretLabel')}>
          {secret}
        </code>
        <Copy id="signing-secret-copy" text={secret} what={t('create.secretLabel')} asButton />
        <Button id="signing-secret-stored" size="sm" onClick={onStored}>
          {t('create.secretStored')}
        </Button>
      </Group>
      <Modal
        id="leave-without-secret"
        opened={leaving.status === 'blocked'}
        onClose={() => leaving.reset?.()}
        title={t('create.leaveTitle')}
        closeButtonProps={{ id: 'leave-without-secret-close', 'aria-label': t('common.close') }}
      >
        <Text size="sm">{t('create.leave')}</Text>
        <Group mt="md" justify="end">
          <Button id="leave-without-secret-go" variant="default" onClick={() => leaving.proceed?.()}>
            {t('create.leaveGo')}
          </Button>
          <Button id="leave-without-secret-stay" onClick={() => leaving.reset?.()}>
            {t('create.leaveStay')}
          </Button>
        </Group>
      </Modal>
    </Alert>
  )
}
