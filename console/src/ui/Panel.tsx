// The drawer behind SidePanel, which loads it when it is first opened.
import { Drawer } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

export type PanelProps = { id: string; title: ReactNode; opened: boolean; onClose: () => void; size?: string; children: ReactNode }

export function Panel({ id, title, opened, onClose, size = 'xl', children }: PanelProps) {
  const { t } = useTranslation()
  return (
    <Drawer
      id={id}
      opened={opened}
      onClose={onClose}
      title={title}
      position="right"
      size={size}
      overlayProps={{ backgroundOpacity: 0.35 }}
      closeButtonProps={{ id: `${id}-close`, 'aria-label': t('common.close') }}
      // Inside a dialog a header is no landmark of the page.
      attributes={{ header: { role: 'none' } }}
      styles={{ title: { flex: 1, fontWeight: 600 } }}
    >
      {children}
    </Drawer>
  )
}
