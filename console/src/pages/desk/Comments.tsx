import { Badge, Button, Checkbox, Group, Paper, Stack, Text, Textarea } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Comment, commentsQuery, useComment } from '../../api/desk'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Loading } from '../../ui/Loading'
import { More } from '../../ui/More'
import { Notice } from '../../ui/Notice'
import { Time } from '../../ui/Time'
import { Actor } from './Actor'

/** What was said about a ticket, newest first. */
export function Comments({ id }: { id: string }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useInfiniteQuery(commentsQuery(id))
  const rows = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Stack gap="sm">
      {may('desk:write') && <Say id={id} />}
      {query.isPending && <Loading rows={2} />}
      {query.error && <Notice id="comments-problem" error={query.error} onRetry={query.refetch} />}
      {query.data && rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('desk.comments.empty')}
        </Text>
      )}
      {rows.map((comment) => (
        <Said key={comment.id} comment={comment} />
      ))}
      {query.hasNextPage && <More id="comments-more" of={query} count={rows.length} />}
    </Stack>
  )
}

function Said({ comment }: { comment: Comment }) {
  const { t } = useTranslation()
  return (
    <Paper p="sm" radius="sm">
      <Group gap={8} mb={4}>
        <Text size="xs" fw={600} component="span">
          <Actor actor={comment.author} />
        </Text>
        <Text size="xs" c="dimmed" component="span">
          <Time at={comment.created_at} />
        </Text>
        {comment.is_internal && (
          <Badge size="xs" color="gray">
            {t('desk.comments.isInternal')}
          </Badge>
        )}
        {comment.is_resolution && (
          <Badge size="xs" color="teal">
            {t('desk.comments.isResolution')}
          </Badge>
        )}
      </Group>
      <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {comment.note}
      </Text>
    </Paper>
  )
}

function Say({ id }: { id: string }) {
  const { t } = useTranslation()
  const intent = useIntent()
  const say = useComment(id)
  const [note, setNote] = useState('')
  const [is_internal, setInternal] = useState(true)
  const [is_resolution, setResolution] = useState(false)
  const body = { note: note.trim(), is_internal, is_resolution }
  const done = () => {
    intent.done()
    setNote('')
    setResolution(false)
  }
  return (
    <form
      id="comment-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (body.note) say.mutate({ ...body, key: intent.keyFor(body) }, { onSuccess: done })
      }}
    >
      <Stack gap="xs">
        <Textarea
          id="comment-note"
          label={t('desk.comments.note')}
          autosize
          minRows={2}
          maxRows={10}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <Group justify="space-between">
          <Group gap="md">
            <Checkbox
              id="comment-internal"
              size="xs"
              label={t('desk.comments.internal')}
              checked={is_internal}
              onChange={(event) => setInternal(event.currentTarget.checked)}
            />
            <Checkbox
              id="comment-resolution"
              size="xs"
              label={t('desk.comments.resolution')}
              checked={is_resolution}
              onChange={(event) => setResolution(event.currentTarget.checked)}
            />
          </Group>
          <Button id="comment-submit" type="submit" disabled={!body.note} loading={say.isPending}>
            {t('desk.comments.add')}
          </Button>
        </Group>
        {say.error && <Notice id="comment-problem" error={say.error} />}
      </Stack>
    </form>
  )
}
