// What was tried, newest first, and why it went as it did. What receivers answered is shown as text only.
import { Button, Collapse, Group, Text } from '@mantine/core'
import {
  IconArrowsExchange,
  IconBan,
  IconCheck,
  IconChevronRight,
  IconFilter,
  IconHourglassEmpty,
  IconPlayerPause,
  IconRefresh,
  type Icon,
} from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { Attempt } from '../../api/deliveries'
import { useFormats } from '../../i18n/format'
import { Mark, type Tone } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { PhaseBar } from './PhaseBar'
import { type MarkName, markOf } from './mark'

const looks: Record<MarkName, [Tone, Icon]> = {
  accepted: ['teal', IconCheck],
  retryable: ['yellow', IconRefresh],
  exhausted: ['red', IconHourglassEmpty],
  terminal: ['red', IconBan],
  interrupted: ['gray', IconArrowsExchange],
  held: ['grape', IconPlayerPause],
  filtered: ['gray', IconFilter],
}

export function AttemptTimeline({ attempts }: { attempts: Attempt[] }) {
  const newestFirst = attempts.toSorted((a, b) => b.started_at.localeCompare(a.started_at))
  return (
    <ol className="attempts" reversed>
      {newestFirst.map((attempt) => (
        <AttemptEntry key={attempt.id} attempt={attempt} />
      ))}
    </ol>
  )
}

function AttemptEntry({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const mark = markOf(attempt)
  const [tone, icon] = looks[mark]
  // That it was accepted is said already.
  const reason = mark === 'accepted' ? undefined : mark === 'interrupted' ? t('attempt.interruptedReason') : attempt.reason
  return (
    <li>
      <Group justify="space-between" gap="xs">
        <Group gap={8}>
          <Text fw={600} size="sm">
            {attempt.number ? t('attempt.number', { number: attempt.number }) : t('attempt.unsent')}
          </Text>
          <Mark tone={tone} icon={icon}>
            {t(`attempt.mark.${mark}`)}
          </Mark>
          {attempt.sent && (
            <Text size="sm">{attempt.status ? t('attempt.status', { status: attempt.status }) : t('attempt.noAnswer')}</Text>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          <Time at={attempt.started_at} />
          {attempt.sent && `, ${t('attempt.took', { duration: duration(attempt.duration_ms) })}`}
        </Text>
      </Group>
      {reason && (
        <Text size="sm" mt={4} style={{ overflowWrap: 'anywhere' }}>
          {reason}
        </Text>
      )}
      <PhaseBar timings={attempt.timings} remote={attempt.remote_address} />
      {attempt.response_summary && <Answer id={attempt.id} text={attempt.response_summary} />}
    </li>
  )
}

function Answer({ id, text }: { id: string; text: string }) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const region = domId('answer', id)
  return (
    <>
      <Button
        id={domId('show-answer', id)}
        variant="subtle"
        size="compact-xs"
        mt={4}
        ml={-8}
        leftSection={<IconChevronRight size={14} aria-hidden style={{ transform: open ? 'rotate(90deg)' : undefined }} />}
        aria-expanded={open}
        aria-controls={region}
        onClick={() => setOpen(!open)}
      >
        {open ? t('attempt.hideAnswer') : t('attempt.showAnswer')}
      </Button>
      <Collapse expanded={open} id={region}>
        <div className="snippet">
          <pre
            id={domId('answer-text', id)}
            className="answer"
            aria-label={t('attempt.answer')}
            role="group"
            tabIndex={open ? 0 : -1}
          >
            {text}
          </pre>
        </div>
      </Collapse>
    </>
  )
}
