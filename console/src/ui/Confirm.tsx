// Asks before something that can't be taken back, or that many will notice.
import { Button, Group, Modal, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

type Props = {
  id: string
  opened: boolean
  title: string
  text?: string
  act: string
  danger?: boolean
  busy?: boolean
  disabled?: boolean
  onClose: () => void
  onAct: () => void
  children?: ReactNode
}

export function Confirm({ id, opened, title, text, act, danger, busy, disabled, onClose, onAct, children }: Props) {
  const { t } = useTranslation()
  return (
    <Modal
      id={id}
      opened={opened}
      onClose={onClose}
      title={title}
      attributes={{ header: { role: 'none' } }}
      closeButtonProps={{ id: `${id}-close`, 'aria-label': t('common.close') }}
    >
      {text && <Text size="sm">{text}</Text>}
      {children}
      <Group mt="md" justify="end">
        <Button id={`${id}-cancel`} variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button id={`${id}-act`} color={danger ? 'red.8' : undefined} loading={busy} disabled={disabled} onClick={onAct}>
          {act}
        </Button>
      </Group>
    </Modal>
  )
}
