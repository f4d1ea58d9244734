import { NavLink, type NavLinkProps, UnstyledButton } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconChevronDown } from '@tabler/icons-react'
import { createLink, useMatches } from '@tanstack/react-router'
import { type Ref, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { useSession } from '../api/session'
import { domId } from '../ui/domId'
import { icons } from './icons'
import { type Section, addressOf, places } from './places'

type ItemProps = Omit<NavLinkProps, 'href'> & { id: string; ref?: Ref<HTMLAnchorElement>; onClick?: () => void }
const NavItem = createLink((props: ItemProps) => <NavLink {...props} />)
type Shown = (typeof places)[number]

/** The pages that this person may see, by side. A side that one does not use can be folded; where one is stays open. */
export function Navigation({ onGo }: { onGo: () => void }) {
  const { may } = useSession()
  const here = useMatches().at(-1)?.pathname
  const [folded, setFolded] = useLocalStorage<Section[]>({ key: 'hookswitch.folded', defaultValue: [], getInitialValueInEffect: false })
  const shown = places.filter((place) => may(place.needs))
  const sections = [...new Set(shown.map(({ section }) => section))]
  return sections.map((section) => {
    const own = shown.filter((place) => place.section === section)
    const isHere = own.some((place) => addressOf(place) === here)
    const open = isHere || !folded.includes(section)
    return (
      <Group
        key={section}
        section={section}
        places={own}
        here={here}
        open={open}
        onFold={() => setFolded(open ? [...folded, section] : folded.filter((each) => each !== section))}
        onGo={onGo}
      />
    )
  })
}

type GroupProps = { section: Section; places: Shown[]; here: string | undefined; open: boolean; onFold: () => void; onGo: () => void }

function Group({ section, places: own, here, open, onFold, onGo }: GroupProps) {
  const { t } = useTranslation()
  const id = domId('nav-section', section)
  return (
    <div>
      <UnstyledButton id={id} className="section-name" aria-expanded={open} aria-controls={`${id}-pages`} onClick={onFold}>
        {t(`nav.${section}`)}
        <IconChevronDown size={13} aria-hidden />
      </UnstyledButton>
      <div id={`${id}-pages`} hidden={!open}>
        {own.map((place) => (
          <Item key={place.key} place={place} active={here === addressOf(place)} onGo={onGo} />
        ))}
      </div>
    </div>
  )
}

function Item({ place, active, onGo }: { place: Shown; active: boolean; onGo: () => void }) {
  const { t } = useTranslation()
  const Symbol = icons[place.key]
  const link = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    if (active) link.current?.scrollIntoView?.({ block: 'nearest' })
  }, [active])
  return (
    <NavItem
      id={domId('nav', place.key.replace(/[A-Z]/g, '-$&'))}
      ref={link}
      className="nav-item"
      to={place.path}
      params={place.params}
      search={{}}
      label={t(`nav.${place.key}`)}
      leftSection={<Symbol size={16} stroke={1.7} aria-hidden />}
      active={active}
      aria-current={active ? 'page' : undefined}
      onClick={onGo}
    />
  )
}
