import { ActionIcon, Menu } from '@mantine/core'
import { IconDotsVertical, IconListDetails } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { InboundWebhook } from '../../api/inbound'
import { paths } from '../../paths'
import { domId } from '../../ui/domId'

/** What may be done with one of the list. */
export function RowMenu({ webhook: { id, name } }: { webhook: InboundWebhook }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const open = () => void navigate({ to: paths.inbound, search: { webhook: id } })
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon id={domId('menu', id)} variant="subtle" color="gray" aria-label={t('inbound.menuOf', { name })}>
          <IconDotsVertical size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item id={domId('log', id)} leftSection={<IconListDetails size={15} aria-hidden />} onClick={open}>
          {t('inbound.openLog')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
