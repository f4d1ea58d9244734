import { NavLink, type NavLinkProps, Text } from '@mantine/core'
import { createLink, useMatches } from '@tanstack/react-router'
import type { Ref } from 'react'
import { useTranslation } from 'react-i18next'

import { useSession } from '../api/session'
import { domId } from '../ui/domId'
import { icons } from './icons'
import { places } from './places'

type ItemProps = Omit<NavLinkProps, 'href'> & { id: string; ref?: Ref<HTMLAnchorElement>; onClick?: () => void }
const NavItem = createLink((props: ItemProps) => <NavLink {...props} />)

/** The pages that this person may see, by side. */
export function Navigation({ onGo }: { onGo: () => void }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const here = useMatches().at(-1)?.pathname
  const shown = places.filter((place) => may(place.needs))
  return shown.map((place, index) => {
    const Symbol = icons[place.key]
    const opensSection = place.section !== shown[index - 1]?.section
    return (
      <div key={place.key}>
        {opensSection && (
          <Text className="section-name" size="xs" c="dimmed" fw={600}>
            {t(`nav.${place.section}`)}
          </Text>
        )}
        <NavItem
          id={domId('nav', place.key.replace(/[A-Z]/g, '-$&'))}
          to={place.path}
          search={{}}
          label={t(`nav.${place.key}`)}
          leftSection={<Symbol size={17} stroke={1.7} aria-hidden />}
          active={here === place.path}
          onClick={onGo}
        />
      </div>
    )
  })
}
