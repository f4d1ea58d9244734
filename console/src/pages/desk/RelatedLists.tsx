// The first few of each kind of record that names this one, and the way to all of them.
import { Group, Stack, Text } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, recordsQuery } from '../../api/desk'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import { AnchorLink, ButtonLink } from '../../ui/links'
import { Value, isEmpty } from './Value'
import { type Noun, type Related, fieldOf, titleOf } from './nouns'
import { nouns } from './setup'

const FEW = 5

export function RelatedLists({ noun, record }: { noun: Noun; record: DeskRecord }) {
  return noun.related.map((related) => <RelatedList key={`${related.noun} ${related.by}`} related={related} from={noun} record={record} />)
}

function RelatedList({ related, from, record }: { related: Related; from: Noun; record: DeskRecord }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const filter = { [related.by]: record.id }
  const query = useInfiniteQuery(recordsQuery(related.noun, filter, FEW))
  const rows = query.data?.pages[0]?.data ?? []
  const noun = nouns[related.noun]
  const name = t(`desk.noun.${related.noun}.many`)
  // What is booked on a record says which kind it is.
  const kind = related.by === 'work_item_id' ? { work_item_type: from.kind } : {}
  return (
    <section aria-label={name}>
      <Group justify="space-between" mb={4}>
        <Text fw={600} size="sm">
          {name}
        </Text>
        <Group gap="xs">
          {related.make && may('desk:write') && (
            <ButtonLink
              id={domId('related-new', related.noun)}
              size="compact-xs"
              variant="subtle"
              leftSection={<IconPlus size={13} aria-hidden />}
              aria-label={t('desk.newTitle', { noun: t(`desk.noun.${related.noun}.one`) })}
              to={paths.desk}
              params={{ noun: related.noun }}
              search={{ ...filter, ...kind, making: 'yes' }}
            >
              {t('desk.new')}
            </ButtonLink>
          )}
          {rows.length > 0 && (
            <AnchorLink
              id={domId('related-all', related.noun)}
              size="xs"
              underline="always"
              aria-label={`${t('desk.showAll')}: ${name}`}
              to={paths.desk}
              params={{ noun: related.noun }}
              search={filter}
            >
              {t('desk.showAll')}
            </AnchorLink>
          )}
        </Group>
      </Group>
      {query.isPending && <Loading rows={1} />}
      {query.error && <Notice id={domId('related', related.noun, 'problem')} error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('desk.noneRelated')}
        </Text>
      )}
      <Stack gap={2} component="ul" className="plain-list">
        {rows.map((row) => (
          <Row key={row.id} noun={noun} row={row} />
        ))}
      </Stack>
      {query.hasNextPage && (
        <Text size="xs" c="dimmed" mt={2}>
          {t('desk.moreThere')}
        </Text>
      )}
    </section>
  )
}

function Row({ noun, row }: { noun: Noun; row: DeskRecord }) {
  const [first] = noun.title
  const title = first && fieldOf(noun, first)
  const state = fieldOf(noun, noun.state ?? noun.menu ?? '')
  return (
    <Group component="li" gap="sm" wrap="nowrap" justify="space-between" className="related-row">
      <AnchorLink id={domId('related', row.id)} size="sm" to={paths.desk} params={{ noun: noun.key }} search={{ record: row.id }}>
        {title && (title.kind === 'moment' || title.kind === 'day') ? (
          <Value field={title} record={row} scope="related" plain />
        ) : (
          titleOf(noun, row)
        )}
      </AnchorLink>
      {state && !isEmpty(row[state.name]) && (
        <Text size="xs" c="dimmed" component="span">
          <Value field={state} record={row} scope={domId('related', row.id)} plain />
        </Text>
      )}
    </Group>
  )
}
