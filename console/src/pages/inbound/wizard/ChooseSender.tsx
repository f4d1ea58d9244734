// Who sends: one that is known, found by name, or any other by how it proves itself.
import { Button, Group, Radio, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type InboundPreset, presetsQuery } from '../../../api/inbound'
import { Loading } from '../../../ui/Loading'
import { Notice } from '../../../ui/Notice'
import { domId } from '../../../ui/domId'
import { slugOf } from '../inboundValues'
import type { Auth } from './send'

export type Sender = {
  name: string
  slug: string
  /** How it proves itself, spelled out. */
  auth: Auth
  preset: InboundPreset | undefined
}

/** For a sender that is not known: its settings say which of these it can. */
const others = {
  hmac_sha256: { type: 'hmac_sha256', signature_header: 'X-Signature' },
  bearer: { type: 'bearer' },
  static_header: { type: 'static_header', header: 'X-Api-Key' },
  basic: { type: 'basic', username: 'webhook' },
  path_token: { type: 'path_token', param: 'token' },
} as const satisfies Record<string, Auth>
type Other = keyof typeof others
const isOther = (name: string): name is Other => name in others

export function ChooseSender({ onChosen }: { onChosen: (sender: Sender) => void }) {
  const { t } = useTranslation()
  const presets = useQuery(presetsQuery)
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState('')
  const [name, setName] = useState('')
  const [slug, setSlug] = useState('')
  const known = presets.data?.data ?? []
  const wanted = search.trim().toLowerCase()
  const shown = known.filter(({ title, name }) => `${title} ${name}`.toLowerCase().includes(wanted))
  const preset = known.find((each) => each.name === chosen)
  const badSlug = slug !== '' && !/^[a-z0-9][a-z0-9-]*$/.test(slug)
  function choose(next: string) {
    const title = known.find((each) => each.name === next)?.title ?? ''
    const before = preset?.title ?? ''
    setChosen(next)
    if (name === '' || name === before) {
      setName(title)
      setSlug(slugOf(title))
    }
  }
  function rename(next: string) {
    if (slug === slugOf(name)) setSlug(slugOf(next))
    setName(next)
  }
  function go() {
    const auth = preset ? preset.auth_config : isOther(chosen) ? others[chosen] : undefined
    if (auth) onChosen({ name: name.trim(), slug, auth, preset })
  }
  return (
    <Stack gap="md">
      <TextInput
        id="wizard-search"
        label={t('wizard.search')}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {presets.isPending && <Loading />}
      {presets.error && <Notice id="wizard-presets-problem" error={presets.error} onRetry={presets.refetch} />}
      <Radio.Group value={chosen} onChange={choose} aria-label={t('wizard.sender')} name="wizard-sender">
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing={6} className="senders">
          {shown.map(({ name: key, title }) => (
            <Card key={key} value={key} title={title} />
          ))}
        </SimpleGrid>
        {shown.length === 0 && known.length > 0 && (
          <Text size="sm" c="dimmed">
            {t('wizard.unknown')}
          </Text>
        )}
        <Text size="sm" fw={600} mt="sm" mb={6}>
          {t('wizard.others')}
        </Text>
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing={6}>
          {(Object.keys(others) as Other[]).map((key) => (
            <Card key={key} value={key} title={t(`inboundForm.auth_${key}`)} />
          ))}
        </SimpleGrid>
      </Radio.Group>
      <Group grow align="start">
        <TextInput id="wizard-name" label={t('inbound.name')} value={name} onChange={(event) => rename(event.currentTarget.value)} />
        <TextInput
          id="wizard-slug"
          label={t('inboundForm.slug')}
          error={badSlug ? t('inboundForm.badSlug') : undefined}
          value={slug}
          onChange={(event) => setSlug(event.currentTarget.value)}
        />
      </Group>
      <Group justify="end">
        <Button id="wizard-choose" disabled={!chosen || !name.trim() || !slug || badSlug} onClick={go}>
          {t('wizard.next')}
        </Button>
      </Group>
    </Stack>
  )
}

function Card({ value, title }: { value: string; title: string }) {
  return (
    <Radio.Card id={domId('sender', value)} value={value} p={8} radius="sm">
      <Group gap={8} wrap="nowrap">
        <Radio.Indicator size="xs" />
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {title}
        </Text>
      </Group>
    </Radio.Card>
  )
}
