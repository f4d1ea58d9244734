// Who changed what, and what happened to deliveries; and whether the chain that proves it holds.
import { Alert, Button, Code as Inline, Group, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconLink, IconLinkOff, IconSearch, IconShieldCheck } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { type AuditEntry, type AuditFilter, auditQuery, chainQuery } from '../../api/audit'
import { useFormats } from '../../i18n/format'
import { paths } from '../../paths'
import { Code, pretty } from '../../ui/Code'
import { Empty } from '../../ui/Empty'
import { Facts, Ident } from '../../ui/Facts'
import { Listing } from '../../ui/Listing'
import { MomentInput } from '../../ui/MomentInput'
import { Notice } from '../../ui/Notice'
import { Page } from '../../ui/Page'
import { Refresh } from '../../ui/Refresh'
import type { Column } from '../../ui/Rows'
import { SidePanel } from '../../ui/SidePanel'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { examples } from '../../ui/examples'
import { useNarrow } from '../../ui/useNarrow'

export type AuditSearch = AuditFilter & { entry?: string }

export function AuditPage() {
  const { t } = useTranslation()
  const search: AuditSearch = useSearch({ from: '/shell/audit' })
  const navigate = useNavigate()
  const { entry, ...filter } = search
  const query = useInfiniteQuery(auditQuery(filter))
  const go = (next: AuditSearch) => void navigate({ to: paths.audit, search: next })
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  const columns = useColumns(search)
  return (
    <Page
      title={t('audit.title')}
      lead={t('audit.lead')}
      tools={<Refresh id="audit-refresh" of={[query]} kinds={['audit']} />}
    >
      <Chain />
      <Filters key={JSON.stringify(filter)} filter={filter} onSearch={go} />
      <Listing
        id="audit"
        of={query}
        empty={<Empty id="audit-empty" text={t('audit.empty')} />}
        label={t('audit.title')}
        columns={columns}
        rowId={({ id }) => id}
        isChosen={({ id }) => id === entry}
      />
      <EntryPanel entry={rows.find(({ id }) => id === entry)} onClose={() => go(filter)} />
    </Page>
  )
}

/** Walks the chain when asked, and says how far it holds. */
function Chain() {
  const { t } = useTranslation()
  const { number } = useFormats()
  const chain = useQuery({ ...chainQuery, enabled: false })
  const found = chain.data
  return (
    <Alert
      role="note"
      py="xs"
      color={!found ? 'gray' : found.intact ? 'teal' : 'red'}
      icon={found && !found.intact ? <IconLinkOff aria-hidden /> : <IconLink aria-hidden />}
      title={!found ? t('audit.chain') : found.intact ? t('audit.intact') : t('audit.broken')}
    >
      <Group justify="space-between" align="center">
        <div role="status">
          {!found && <Text size="sm">{t('audit.chainLead')}</Text>}
          {found && (
            <Text size="sm">
              {t('audit.walked', { rows: number(found.rows), digests: number(found.digests) })}{' '}
              {found.digests_gone > 0 && t('audit.gone', { count: found.digests_gone })}
              {found.broken && t('audit.brokenAt', { seq: number(found.broken.seq), why: found.broken.why })}
            </Text>
          )}
          {found?.head && (
            <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {t('audit.head', { seq: number(found.head.seq) })} <Inline>{found.head.hash}</Inline>
            </Text>
          )}
        </div>
        <Button
          id="audit-verify"
          variant="default"
          leftSection={<IconShieldCheck size={15} aria-hidden />}
          loading={chain.isFetching}
          onClick={() => void chain.refetch()}
        >
          {t('audit.verify')}
        </Button>
      </Group>
      {chain.error && <Notice id="audit-chain-problem" error={chain.error} />}
    </Alert>
  )
}

function Filters({ filter, onSearch }: { filter: AuditFilter; onSearch: (search: AuditSearch) => void }) {
  const { t } = useTranslation()
  const form = useForm({
    initialValues: {
      actor: filter.actor ?? '',
      action: filter.action ?? '',
      target: filter.target ?? '',
      correlation_id: filter.correlation_id ?? '',
      from: filter.from ?? '',
      to: filter.to ?? '',
    },
  })
  const submit = form.onSubmit((values) =>
    onSearch(Object.fromEntries(Object.entries(values).flatMap(([key, value]) => (value.trim() ? [[key, value.trim()]] : [])))),
  )
  return (
    <form id="audit-search" onSubmit={submit} noValidate>
      <Group gap="sm" align="end">
        <TextInput id="audit-filter-actor" size="xs" label={t('audit.actor')} placeholder={examples.actor} {...form.getInputProps('actor')} />
        <TextInput
          id="audit-filter-action"
          size="xs"
          label={t('audit.action')}
          placeholder={examples.action}
          {...form.getInputProps('action')}
        />
        <TextInput id="audit-filter-target" size="xs" label={t('audit.target')} placeholder={examples.target} {...form.getInputProps('target')} />
        <TextInput
          id="audit-filter-correlation"
          size="xs"
          label={t('delivery.correlationId')}
          {...form.getInputProps('correlation_id')}
        />
        <MomentInput
          id="audit-filter-from"
          label={t('common.from')}
          value={filter.from}
          onChange={(from) => form.setFieldValue('from', from ?? '')}
        />
        <MomentInput
          id="audit-filter-to"
          label={t('common.to')}
          value={filter.to}
          onChange={(to) => form.setFieldValue('to', to ?? '')}
        />
        <Button id="audit-search-submit" type="submit" leftSection={<IconSearch size={14} aria-hidden />}>
          {t('common.search')}
        </Button>
        {Object.values(filter).some(Boolean) && (
          <Button id="audit-search-clear" variant="subtle" onClick={() => onSearch({})}>
            {t('deliveries.clear')}
          </Button>
        )}
      </Group>
    </form>
  )
}

function useColumns(search: AuditSearch): Column<AuditEntry>[] {
  const { t } = useTranslation()
  const { number } = useFormats()
  const narrow = useNarrow()
  return [
    {
      id: 'seq',
      label: t('audit.seq'),
      room: 'middling',
      width: 90,
      cell: ({ seq }) => (typeof seq === 'number' ? number(seq) : t('common.none')),
    },
    {
      id: 'action',
      label: t('audit.action'),
      cell: (row) => (
        <>
          <Link id={domId('open', row.id)} className="opener" to={paths.audit} search={{ ...search, entry: row.id }}>
            {row.action}
          </Link>
          {narrow && <code className="narrow mono">{row.target}</code>}
        </>
      ),
    },
    { id: 'target', label: t('audit.target'), room: 'middling', mono: true, cell: ({ target }) => target },
    { id: 'actor', label: t('audit.actor'), room: 'wide', mono: true, cell: ({ actor }) => actor },
    { id: 'at', label: t('audit.at'), width: narrow ? 96 : 150, cell: ({ at }) => <Time at={at} /> },
  ]
}

function EntryPanel({ entry, onClose }: { entry: AuditEntry | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <SidePanel id="audit-panel" title={entry?.action ?? ''} opened={entry !== undefined} onClose={onClose}>
      {entry && (
        <>
          <Facts
            rows={[
              [t('audit.at'), <Time key="at" at={entry.at} />],
              [t('audit.actor'), <Ident key="actor" id={entry.actor} name={t('audit.actor')} scope="audit" />],
              [t('audit.target'), <Ident key="target" id={entry.target} name={t('audit.target')} scope="audit" />],
              [
                t('delivery.correlationId'),
                entry.correlation_id ? (
                  <Ident key="correlation" id={entry.correlation_id} name={t('delivery.correlationId')} scope="audit" />
                ) : undefined,
              ],
              [t('audit.seq'), entry.seq ?? t('audit.unchained')],
              [t('audit.hash'), entry.hash ? <Ident key="hash" id={entry.hash} name={t('audit.hash')} scope="audit" /> : undefined],
            ]}
          />
          <Text fw={600} size="sm" mt="md" mb={4}>
            {t('audit.detail')}
          </Text>
          {entry.detail ? (
            <Code id="audit-detail" text={pretty(entry.detail)} label={t('audit.detail')} />
          ) : (
            <Text size="sm" c="dimmed">
              {t('audit.noDetail')}
            </Text>
          )}
        </>
      )}
    </SidePanel>
  )
}
