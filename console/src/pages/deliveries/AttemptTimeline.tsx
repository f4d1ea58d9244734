// What was tried, newest first, and why it went as it did. What receivers answered is shown as text only.
import { Collapse, Group, Text, Timeline, UnstyledButton } from '@mantine/core'
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
import { Code } from '../../ui/Code'
import { Facts, Ident } from '../../ui/Facts'
import { Mark, type Tone } from '../../ui/StateBadge'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { Waterfall } from './Waterfall'
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
    <Timeline bulletSize={22} lineWidth={2} active={newestFirst.length} color="gray" className="attempts">
      {newestFirst.map((attempt, place) => {
        const [tone, Symbol] = looks[markOf(attempt)]
        return (
          <Timeline.Item
            key={attempt.id}
            color={tone}
            bullet={<Symbol size={13} stroke={2.4} aria-hidden color={`var(--mantine-color-${tone}-light-color)`} />}
          >
            <AttemptEntry attempt={attempt} first={place === 0} />
          </Timeline.Item>
        )
      })}
    </Timeline>
  )
}

function AttemptEntry({ attempt, first }: { attempt: Attempt; first: boolean }) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const [open, setOpen] = useState(first)
  const mark = markOf(attempt)
  const [tone, icon] = looks[mark]
  // That it was accepted is said already.
  const reason = mark === 'accepted' ? undefined : mark === 'interrupted' ? t('attempt.interruptedReason') : attempt.reason
  const region = domId('attempt', attempt.id)
  return (
    <>
      <UnstyledButton
        id={domId('toggle', attempt.id)}
        className="attempt-head"
        aria-expanded={open}
        aria-controls={region}
        onClick={() => setOpen(!open)}
      >
        <Group justify="space-between" gap="xs" wrap="nowrap" align="start">
          <Group gap={8}>
            <Text fw={600} size="sm" span>
              {attempt.number ? t('attempt.number', { number: attempt.number }) : t('attempt.unsent')}
            </Text>
            <Mark tone={tone} icon={icon}>
              {t(`attempt.mark.${mark}`)}
            </Mark>
            {attempt.sent && (
              <Text size="sm" span>
                {attempt.status ? t('attempt.status', { status: attempt.status }) : t('attempt.noAnswer')}
              </Text>
            )}
          </Group>
          <IconChevronRight
            size={16}
            aria-hidden
            style={{ flex: 'none', marginTop: 3, transform: open ? 'rotate(90deg)' : undefined }}
          />
        </Group>
        <Text size="xs" c="dimmed">
          <Time at={attempt.started_at} />
          {attempt.sent && `, ${t('attempt.took', { duration: duration(attempt.duration_ms) })}`}
        </Text>
      </UnstyledButton>
      {reason && (
        <Text size="sm" mt={2} style={{ overflowWrap: 'anywhere' }}>
          {reason}
        </Text>
      )}
      <Collapse expanded={open} id={region}>
        {open && <Details attempt={attempt} />}
      </Collapse>
    </>
  )
}

function Details({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation()
  return (
    <div className="attempt-details">
      <Waterfall timings={attempt.timings} remote={attempt.remote_address} />
      {attempt.response_summary && (
        <Code id={domId('answer-text', attempt.id)} text={attempt.response_summary} label={t('attempt.answer')} />
      )}
      <Facts rows={[[t('common.id'), <Ident key="id" id={attempt.id} name={t('common.id')} scope={domId(attempt.id)} />]]} />
    </div>
  )
}
