// One record: what it is, what was said about it, what belongs to it and what happened to it.
import { Badge, Button, Group, Stack, Tabs, Text } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, type RecordFilter, recordQuery } from '../../api/desk'
import { useSession } from '../../api/session'
import { Facts, Ident } from '../../ui/Facts'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { Time } from '../../ui/Time'
import { AssetLinks } from './AssetLinks'
import { Comments } from './Comments'
import { Elsewhere } from './Elsewhere'
import { History } from './History'
import { Origin } from './Origin'
import { RecordActions } from './RecordActions'
import { RecordForm } from './RecordForm'
import { RelatedLists } from './RelatedLists'
import { Remove } from './Remove'
import { Tags } from './Tags'
import { Value, isEmpty } from './Value'
import { type Noun, fieldOf, titleOf } from './nouns'
import { type Tab, tabs } from './search'

const WIDE = 'min(860px, 100%)'
type Props = { noun: Noun; id: string | undefined; tab: Tab | undefined; onTab: (tab: Tab | undefined) => void; onClose: () => void }

export function RecordPanel({ noun, id, tab, onTab, onClose }: Props) {
  const { t } = useTranslation()
  const query = useQuery({ ...recordQuery(noun.key, id ?? ''), enabled: id !== undefined })
  const record = query.data
  const [editing, setEditing] = useState<string>()
  const edits = record !== undefined && editing === record.id
  const title = record ? titleOf(noun, record) : t(`desk.noun.${noun.key}.one`)
  return (
    <SidePanel
      id="record-panel"
      title={edits ? t('desk.editTitle', { name: title }) : title}
      opened={id !== undefined}
      onClose={onClose}
      size={WIDE}
    >
      {query.isPending && <Loading />}
      {query.error && <Notice id="record-problem" error={query.error} onRetry={query.refetch} />}
      {record && edits && <RecordForm noun={noun} record={record} onDone={() => setEditing(undefined)} />}
      {record && !edits && (
        <Stack gap="md">
          <Head noun={noun} record={record} onEdit={() => setEditing(record.id)} onGone={onClose}>
            <Refresh id="record-refresh" of={[query]} kinds={['desk']} />
          </Head>
          <Parts noun={noun} record={record} tab={tab} onTab={onTab} />
        </Stack>
      )}
    </SidePanel>
  )
}

type NewProps = { noun: Noun; preset: RecordFilter; opened: boolean; onDone: (made: string | undefined) => void }

/** A new record; what the list is narrowed to is filled in already. */
export function NewRecord({ noun, preset, opened, onDone }: NewProps) {
  const { t } = useTranslation()
  const title = t('desk.newTitle', { noun: t(`desk.noun.${noun.key}.one`) })
  return (
    <SidePanel id="new-record" title={title} opened={opened} onClose={() => onDone(undefined)} size={WIDE}>
      {opened && <RecordForm noun={noun} preset={preset} onDone={(made) => onDone(made?.id)} />}
    </SidePanel>
  )
}

type HeadProps = { noun: Noun; record: DeskRecord; onEdit: () => void; onGone: () => void; children: React.ReactNode }

function Head({ noun, record, onEdit, onGone, children }: HeadProps) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const state = fieldOf(noun, noun.state ?? noun.menu ?? '')
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs">
        <Group gap={8}>
          <Badge color="gray" variant="outline">
            {t(`desk.noun.${noun.key}.one`)}
          </Badge>
          {state && !isEmpty(record[state.name]) && (
            <Text size="sm" fw={600} component="span">
              <Value field={state} record={record} scope="state" plain />
            </Text>
          )}
        </Group>
        {children}
      </Group>
      <Group gap="xs">
        <RecordActions noun={noun} record={record} />
        {may('desk:write') && (
          <>
            <Button id="record-edit" variant="default" leftSection={<IconPencil size={14} aria-hidden />} onClick={onEdit}>
              {t('desk.edit')}
            </Button>
            <Remove noun={noun} record={record} onGone={onGone} />
          </>
        )}
      </Group>
      {session.redacted && (
        <Text size="xs" c="dimmed">
          {t('desk.redacted')}
        </Text>
      )}
    </Stack>
  )
}

function Parts({ noun, record, tab = 'details', onTab }: Pick<Props, 'onTab'> & { noun: Noun; record: DeskRecord; tab: Tab | undefined }) {
  const { t } = useTranslation()
  const isTicket = noun.key === 'tickets'
  const there = tabs.filter(
    (each) => (each !== 'comments' || isTicket) && (each !== 'related' || noun.related.length > 0 || noun.key === 'assets'),
  )
  const shown = there.includes(tab) ? tab : 'details'
  return (
    <Tabs
      value={shown}
      keepMounted={false}
      onChange={(value) => onTab(there.find((each) => each === value && each !== 'details'))}
    >
      <Tabs.List aria-label={t('desk.tabs.label')} mb="sm">
        {there.map((each) => (
          <Tabs.Tab key={each} id={`record-tab-${each}`} value={each}>
            {t(`desk.tabs.${each}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="details">
        <Details noun={noun} record={record} />
      </Tabs.Panel>
      {isTicket && (
        <Tabs.Panel value="comments">
          <Comments id={record.id} />
        </Tabs.Panel>
      )}
      <Tabs.Panel value="related">
        <Stack gap="lg">
          {isTicket && <AssetLinks ticket={record.id} />}
          <RelatedLists noun={noun} record={record} />
        </Stack>
      </Tabs.Panel>
      <Tabs.Panel value="history">
        <History noun={noun} id={record.id} />
      </Tabs.Panel>
    </Tabs>
  )
}

function Details({ noun, record }: { noun: Noun; record: DeskRecord }) {
  const { t } = useTranslation()
  const said = noun.fields.filter((field) => !isEmpty(record[field.name]) && !(field.kind === 'flag' && record[field.name] === false))
  const blocks = said.filter(({ kind }) => kind === 'object' || kind === 'rows')
  // What is its name stands above already.
  const facts = said.filter((field) => !blocks.includes(field) && (field.kind !== 'text' || !noun.title.includes(field.name)) && field.name !== 'id')
  return (
    <Stack gap="lg">
      <Facts
        rows={[
          ...facts.map((field): [string, React.ReactNode] => [
            t(`desk.field.${field.name}`),
            <Value key={field.name} field={field} record={record} scope="record" />,
          ]),
          [t('common.id'), <Ident key="id" id={record.id} name={t('common.id')} scope="record" />],
          [t('desk.createdAt'), <Time key="made" at={String(record[noun.created])} />],
          [t('common.updated'), <Time key="changed" at={record.updated_at} />],
        ]}
      />
      {blocks.map((field) => (
        <section key={field.name} aria-label={t(`desk.field.${field.name}`)}>
          <Text fw={600} size="sm" mb={4}>
            {t(`desk.field.${field.name}`)}
          </Text>
          <Value field={field} record={record} scope="record" />
        </section>
      ))}
      {noun.taggable && <Tags noun={noun} record={record} />}
      <Elsewhere noun={noun} record={record} />
      <Origin record={record} />
    </Stack>
  )
}
