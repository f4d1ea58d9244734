// Every kind of record, for whoever looks for one that the navigation has no line for.
import { Paper, SimpleGrid, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { NounKey } from '../../api/desk'
import { paths } from '../../paths'
import { Page } from '../../ui/Page'
import { domId } from '../../ui/domId'
import { AnchorLink } from '../../ui/links'

const groups: { key: 'work' | 'people' | 'time' | 'setup'; nouns: NounKey[] }[] = [
  { key: 'work', nouns: ['tickets', 'alerts', 'evidence', 'projects', 'project-tasks', 'project-phases', 'project-statuses'] },
  { key: 'people', nouns: ['clients', 'contacts', 'locations', 'assets'] },
  { key: 'time', nouns: ['time-entries', 'time-sheets', 'time-periods', 'services', 'invoices'] },
  { key: 'setup', nouns: ['boards', 'statuses', 'priorities', 'categories', 'teams', 'tags'] },
]

export function OverviewPage() {
  const { t } = useTranslation()
  return (
    <Page title={t('desk.overview.title')} lead={t('desk.overview.lead')}>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {groups.map(({ key, nouns }) => (
          <Paper key={key} p="md" component="section" aria-label={t(`desk.overview.${key}`)}>
            <Title order={2} mb="xs">
              {t(`desk.overview.${key}`)}
            </Title>
            <ul className="plain-list">
              {nouns.map((noun) => (
                <li key={noun} className="overview-row">
                  <AnchorLink id={domId('noun', noun)} size="sm" fw={600} to={paths.desk} params={{ noun }} search={{}}>
                    {t(`desk.noun.${noun}.many`)}
                  </AnchorLink>
                  <Text size="xs" c="dimmed">
                    {t(`desk.noun.${noun}.lead`)}
                  </Text>
                </li>
              ))}
            </ul>
          </Paper>
        ))}
      </SimpleGrid>
    </Page>
  )
}
