// Who may do what here: people, what their roles hold, and the tokens of programs.
import { Tabs } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'

import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Later } from '../../ui/Later'
import { Page } from '../../ui/Page'
import { isPeopleTab } from './tabs'

const Users = lazy(() => import('./Users').then((loaded) => ({ default: loaded.Users })))
const Roles = lazy(() => import('./Roles').then((loaded) => ({ default: loaded.Roles })))
const Tokens = lazy(() => import('./Tokens').then((loaded) => ({ default: loaded.Tokens })))

export function PeoplePage() {
  const { t } = useTranslation()
  const { may } = useSession()
  const { tab = 'users' } = useSearch({ from: '/shell/settings/people' })
  const navigate = useNavigate()
  const go = (next: string | null) => isPeopleTab(next) && void navigate({ to: paths.people, search: { tab: next } })
  return (
    <Page title={t('people.title')} lead={t('people.lead')}>
      <Tabs id="people-tabs" value={tab} onChange={go} keepMounted={false}>
        <Tabs.List mb="md" aria-label={t('people.title')}>
          <Tabs.Tab value="users">{t('people.users')}</Tabs.Tab>
          <Tabs.Tab value="roles">{t('people.roles')}</Tabs.Tab>
          {may('token:read') && <Tabs.Tab value="tokens">{t('people.tokens')}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="users">
          <Later when wait>
            <Users />
          </Later>
        </Tabs.Panel>
        <Tabs.Panel value="roles">
          <Later when wait>
            <Roles />
          </Later>
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <Later when wait>
            <Tokens />
          </Later>
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
