// Copying, and saying that it worked: by sight and to screen readers.
import { ActionIcon, Button } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { announce } from './announce'
import { warn } from './notify'

type Props = { id: string; text: string; what: string; asButton?: boolean }

export function Copy({ id, text, what, asButton = false }: Props) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 2000) : undefined
    return () => clearTimeout(timer)
  }, [copied])

  // The clipboard exists on HTTPS and loopback only.
  async function copy() {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
      announce(t('common.copied'))
    } catch {
      warn(t('common.copyFailed'))
    }
  }

  const icon = copied ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />
  if (asButton) {
    return (
      <Button id={id} variant="default" size="sm" leftSection={icon} onClick={copy}>
        {copied ? t('common.copied') : t('common.copy')}
      </Button>
    )
  }
  const said = t('common.copyWhat', { what })
  return (
    <ActionIcon id={id} variant="subtle" color={copied ? 'teal' : 'gray'} size="sm" onClick={copy} aria-label={said} title={said}>
      {icon}
    </ActionIcon>
  )
}
