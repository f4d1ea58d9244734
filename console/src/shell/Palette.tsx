// The command palette: every page, every destination that is loaded, and what may be done from anywhere. Mod+K opens it.
import '@mantine/spotlight/styles.css'

import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight'
import { IconArrowsSplit2, IconLogout, IconMoon, IconSearch, IconWebhook } from '@tabler/icons-react'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { destinationsQuery } from '../api/destinations'
import { inboundQuery } from '../api/inbound'
import { signOut, useSession } from '../api/session'
import { paths, recordPrefixes } from '../paths'
import { domId } from '../ui/domId'
import { icons } from './icons'
import { places } from './places'

export default function Palette() {
  const { t } = useTranslation()
  const { may } = useSession()
  const [query, setQuery] = useState('')
  const groups: SpotlightActionGroupData[] = [
    { group: t('palette.pages'), actions: usePages() },
    { group: t('palette.ids'), actions: useIds(query) },
    { group: t('nav.destinations'), actions: useDestinations(may('destination:read')) },
    { group: t('nav.webhooks'), actions: useWebhooks(may('inbound_webhook:read')) },
    { group: t('palette.commands'), actions: useCommands() },
  ]
  return (
    <Spotlight
      shortcut="mod + K"
      actions={groups.filter(({ actions }) => actions.length > 0)}
      query={query}
      onQueryChange={setQuery}
      nothingFound={t('palette.nothing')}
      highlightQuery
      scrollable
      maxHeight={420}
      searchProps={{
        id: 'palette-search',
        'aria-label': t('palette.search'),
        placeholder: t('palette.search'),
        leftSection: <IconSearch size={16} aria-hidden />,
      }}
    />
  )
}

function usePages(): SpotlightActionData[] {
  const { t } = useTranslation()
  const { may } = useSession()
  const navigate = useNavigate()
  return places
    .filter(({ needs }) => may(needs))
    .map(({ key, path, params }) => {
      const Symbol = icons[key]
      return {
        id: domId('palette', key),
        label: t(`nav.${key}`),
        leftSection: <Symbol size={17} aria-hidden />,
        onClick: () => void navigate({ to: path, params, search: {} }),
      }
    })
}

/** An id that somebody sent leads to what it names. */
function useIds(query: string): SpotlightActionData[] {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const id = query.trim()
  const go = (label: string, to: () => unknown): SpotlightActionData[] => [
    { id: 'palette-id', label: `${label} ${id}`, keywords: id, onClick: () => void to() },
  ]
  if (id.startsWith('dlv_')) return go(t('delivery.deliveryId'), () => navigate({ to: paths.deliveries, search: { delivery: id } }))
  if (id.startsWith('evt_')) return go(t('delivery.eventId'), () => navigate({ to: paths.events, search: { event: id } }))
  if (id.startsWith('dst_'))
    return go(t('delivery.destinationId'), () => navigate({ to: paths.destinations, search: { destination: id } }))
  if (id.startsWith('ind_')) return go(t('desk.origin.received'), () => navigate({ to: paths.received, params: { delivery: id } }))
  if (recordPrefixes.test(id)) return go(t('palette.record'), () => navigate({ to: paths.record, params: { id } }))
  return []
}

function useDestinations(reads: boolean): SpotlightActionData[] {
  const navigate = useNavigate()
  const rows = useInfiniteQuery({ ...destinationsQuery, enabled: reads }).data?.pages.flatMap((page) => page.data) ?? []
  return rows.map(({ id, name, endpoint }) => ({
    id: domId('palette', id),
    label: name,
    description: endpoint,
    leftSection: <IconArrowsSplit2 size={17} aria-hidden />,
    onClick: () => void navigate({ to: paths.destinations, search: { destination: id } }),
  }))
}

function useWebhooks(reads: boolean): SpotlightActionData[] {
  const navigate = useNavigate()
  const rows = useInfiniteQuery({ ...inboundQuery, enabled: reads }).data?.pages.flatMap((page) => page.data) ?? []
  return rows.map(({ id, name, slug }) => ({
    id: domId('palette', id),
    label: name,
    description: slug,
    leftSection: <IconWebhook size={17} aria-hidden />,
    onClick: () => void navigate({ to: paths.inbound, search: { webhook: id } }),
  }))
}

function useCommands(): SpotlightActionData[] {
  const { t } = useTranslation()
  const { toggleColorScheme } = useMantineColorScheme()
  const queries = useQueryClient()
  const navigate = useNavigate()
  return [
    {
      id: 'palette-colours',
      label: t('palette.colours'),
      leftSection: <IconMoon size={17} aria-hidden />,
      onClick: toggleColorScheme,
    },
    {
      id: 'palette-sign-out',
      label: t('app.signOut'),
      leftSection: <IconLogout size={17} aria-hidden />,
      onClick: () =>
        void signOut()
          .then(() => navigate({ to: paths.signIn, search: {} }))
          .then(() => queries.clear()),
    },
  ]
}
