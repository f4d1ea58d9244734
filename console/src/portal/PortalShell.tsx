// The frame around the portal's pages: the host's name, three places, and the way out. It stands in a page
// of the host's or in a tab of its own.
import { Button, Container, Group, Image, Text } from '@mantine/core'
import { IconDoorExit } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { Outlet, useMatches } from '@tanstack/react-router'
import { Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'

import { signOut, useSession } from '../api/session'
import { paths } from '../paths'
import { Preferences } from '../shell/Preferences'
import { Loading } from '../ui/Loading'
import { ButtonLink } from '../ui/links'
import { tellProblem } from '../ui/notify'

const places = [paths.destinations, paths.deliveries, paths.eventTypes] as const
const names = {
  [paths.destinations]: 'portal.destinations',
  [paths.deliveries]: 'nav.deliveries',
  [paths.eventTypes]: 'nav.eventTypes',
} as const

export function PortalShell({ onLeave }: { onLeave: () => void }) {
  const { t } = useTranslation()
  const { session } = useSession()
  const look = session.portal?.look
  const name = look?.logo_text ?? session.tenant?.name ?? ''
  const here = useMatches().at(-1)?.pathname
  const leave = useMutation({ mutationFn: signOut, onSuccess: onLeave, onError: tellProblem })
  useEffect(() => {
    document.title = t('portal.title', { name })
    window.scrollTo(0, 0)
  }, [t, name, here])
  return (
    <>
      <a id="skip-to-content" className="skip" href="#content">
        {t('app.skip')}
      </a>
      <Container component="header" size="xl" pt="sm" px={{ base: 'sm', md: 'lg' }}>
        <Group justify="space-between" gap="xs">
          <Group gap="xs" wrap="nowrap" miw={0}>
            {look?.logo_url && <Image id="portal-logo" src={look.logo_url} alt="" h={28} w="auto" maw={140} fit="contain" />}
            <Text fw={650} truncate id="portal-name">
              {name}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Preferences scope="portal" />
            <Button
              id="portal-leave"
              variant="default"
              leftSection={<IconDoorExit size={15} aria-hidden />}
              loading={leave.isPending}
              onClick={() => leave.mutate()}
            >
              {t('portal.leave')}
            </Button>
          </Group>
        </Group>
        <Group component="nav" gap={4} mt="sm" aria-label={t('app.navigation')}>
          {places.map((place) => (
            <ButtonLink
              key={place}
              id={`portal-${place.slice(1)}`}
              to={place}
              search={{}}
              size="compact-sm"
              variant={here === place ? 'light' : 'subtle'}
            >
              {t(names[place])}
            </ButtonLink>
          ))}
        </Group>
      </Container>
      <Container component="main" id="content" tabIndex={-1} className="unringed" size="xl" py="md" px={{ base: 'sm', md: 'lg' }}>
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </Container>
    </>
  )
}
