// The tags on a record. What is typed and is no tag yet becomes one.
import { Autocomplete, Button, CloseButton, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, type TagUse, choicesQuery, tagsOfQuery, useSaveRecord, useTagging } from '../../api/desk'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import { tellProblem } from '../../ui/notify'
import type { Noun } from './nouns'

export function Tags({ noun, record }: { noun: Noun; record: DeskRecord }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useQuery(tagsOfQuery(record.id))
  const { takeOff } = useTagging()
  const uses = query.data?.data ?? []
  const writes = may('desk:write')
  return (
    <section aria-label={t('desk.tagging.title')}>
      <Text fw={600} size="sm" mb={4}>
        {t('desk.tagging.title')}
      </Text>
      {query.error && <Notice id="tags-problem" error={query.error} onRetry={query.refetch} />}
      <Group gap={6}>
        {uses.map((use) => (
          <OneTag
            key={use.id}
            use={use}
            onTakeOff={writes ? () => takeOff.mutate(use.id, { onError: tellProblem }) : undefined}
          />
        ))}
        {query.data && uses.length === 0 && (
          <Text size="sm" c="dimmed">
            {t('desk.tagging.none')}
          </Text>
        )}
      </Group>
      {writes && <AddTag noun={noun} id={record.id} used={uses} />}
    </section>
  )
}

function OneTag({ use, onTakeOff }: { use: TagUse; onTakeOff: (() => void) | undefined }) {
  const { t } = useTranslation()
  return (
    <span className="tag">
      {/* The colours that somebody chose may not go together: the text has the theme's own. */}
      <span className="tag-colour" style={use.background_color ? { background: use.background_color } : undefined} aria-hidden />
      {use.tag_text}
      {onTakeOff && (
        <CloseButton
          id={domId('untag', use.id)}
          size="xs"
          aria-label={t('desk.tagging.remove', { tag: use.tag_text })}
          onClick={onTakeOff}
        />
      )}
    </span>
  )
}

function AddTag({ noun, id, used }: { noun: Noun; id: string; used: TagUse[] }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const known = useQuery(choicesQuery('tags', { tagged_type: noun.kind })).data ?? []
  const make = useSaveRecord('tags', undefined)
  const { put } = useTagging()
  const intent = useIntent()
  const name = text.trim()
  async function add() {
    try {
      const there = known.find((tag) => String(tag.tag_text).toLowerCase() === name.toLowerCase())
      const body = { tag_text: name, tagged_type: noun.kind }
      const tag = there ?? (await make.mutateAsync({ body, version: 0, key: intent.keyFor(body) }))
      await put.mutateAsync({ tag_id: tag.id, record_id: id, key: intent.keyFor({ tag: tag.id, id }) })
      intent.done()
      setText('')
    } catch (error) {
      tellProblem(error)
    }
  }
  const offered = known.map((tag) => String(tag.tag_text)).filter((each) => !used.some(({ tag_text }) => tag_text === each))
  return (
    <form
      id="tag-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (name) void add()
      }}
    >
      <Group gap="xs" mt="xs" align="end">
        <Autocomplete
          id="tag-text"
          size="xs"
          aria-label={t('desk.tagging.add')}
          placeholder={t('desk.tagging.add')}
          data={[...new Set(offered)]}
          value={text}
          onChange={setText}
        />
        <Button id="tag-submit" type="submit" variant="default" disabled={!name} loading={make.isPending || put.isPending}>
          {t('desk.tagging.act')}
        </Button>
      </Group>
    </form>
  )
}
