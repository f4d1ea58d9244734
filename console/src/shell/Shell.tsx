// The frame around every page: who one is, where one is, and where one may go.
import { AppShell, Burger, Button, Group, Kbd, Text } from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { Link, Outlet, useMatches } from '@tanstack/react-router'
import { Suspense, lazy, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useSession } from '../api/session'
import { ForbiddenPage } from '../pages/ForbiddenPage'
import { paths } from '../paths'
import { Loading } from '../ui/Loading'
import { Account } from './Account'
import { Logo } from './Logo'
import { Navigation } from './Navigation'
import { Preferences } from './Preferences'

const Palette = lazy(() => import('./Palette'))
/** The palette comes with its library when it is first asked for. */
const openPalette = () => import('@mantine/spotlight').then(({ spotlight }) => spotlight.open())

export function Shell() {
  const { t } = useTranslation()
  const { session } = useSession()
  const tenant = session.tenant?.name ?? t('app.noTenant')
  const [opened, { toggle, close }] = useDisclosure()
  const [palette, setPalette] = useState(false)
  function search() {
    setPalette(true)
    close()
    void openPalette()
  }
  useHotkeys(palette ? [] : [['mod+K', search]])
  return (
    <AppShell
      layout="alt"
      header={{ height: { base: 48, md: 0 } }}
      navbar={{ width: 216, breakpoint: 'md', collapsed: { mobile: !opened } }}
      padding={{ base: 'sm', md: 'lg' }}
    >
      <a id="skip-to-content" className="skip" href="#content">
        {t('app.skip')}
      </a>
      <AppShell.Header px="md" hiddenFrom="md">
        <Group h="100%" gap="xs" wrap="nowrap">
          <Burger
            id="navigation-open"
            opened={opened}
            onClick={toggle}
            size="sm"
            aria-label={t('app.openNavigation')}
            aria-expanded={opened}
          />
          <Text fw={600} size="sm" truncate>
            {tenant}
          </Text>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">
        <Group justify="space-between" wrap="nowrap" mb="xs">
          <Link id="home" to={paths.home} className="brand" onClick={close}>
            <Logo size={26} />
            {t('app.name')}
          </Link>
          <Burger id="navigation-close" opened onClick={close} hiddenFrom="md" size="sm" aria-label={t('app.closeNavigation')} />
        </Group>
        <Text size="xs" c="dimmed" truncate px={4}>
          {t('app.tenant')}: <strong>{tenant}</strong>
        </Text>
        <Button
          id="palette-open"
          variant="default"
          fullWidth
          mt={8}
          justify="space-between"
          leftSection={<IconSearch size={14} aria-hidden />}
          rightSection={<Kbd size="xs">{t('palette.key')}</Kbd>}
          onClick={search}
        >
          {t('palette.open')}
        </Button>
        <nav className="places" aria-label={t('app.navigation')}>
          <Navigation onGo={close} />
        </nav>
        <Preferences scope="navigation" />
        <Account />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className="unringed">
        <Suspense fallback={<Loading />}>
          <Allowed />
        </Suspense>
      </AppShell.Main>
      {palette && (
        <Suspense fallback={null}>
          <Palette />
        </Suspense>
      )}
    </AppShell>
  )
}

/** The page, or why this role does not get it. The server would refuse its data anyway. */
function Allowed() {
  const { may } = useSession()
  const match = useMatches().at(-1)
  const needs = match?.staticData.needs
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [match?.pathname])
  return needs && !may(needs) ? <ForbiddenPage /> : <Outlet />
}
