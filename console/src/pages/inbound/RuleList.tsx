// Rules in their order: added, removed and moved by buttons, which keyboards and mice press alike.
import { ActionIcon, Badge, Group, Paper, Text, UnstyledButton } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconChevronDown, IconChevronRight, IconTrash } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { InboundPreview } from '../../api/inbound'
import { announce } from '../../ui/announce'
import { type RuleContext, RuleFields } from './RuleFields'
import { type RuleValues, moved, newRule, placeOf } from './ruleValues'

type Props = RuleContext & {
  rules: RuleValues[]
  preview: InboundPreview | undefined
  onChange: (rules: RuleValues[]) => void
}

export function RuleList({ rules, preview, onChange, ...context }: Props) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(rules[0]?.key)
  const [known, setKnown] = useState(rules.length)
  const [focus, setFocus] = useState<string>()
  if (rules.length !== known) {
    // What was added last is what one wants to fill in.
    if (rules.length > known) setOpen(rules.at(-1)?.key)
    setKnown(rules.length)
  }
  useEffect(() => {
    if (focus) document.getElementById(focus)?.focus()
  }, [focus, rules])
  function move(from: number, to: number) {
    const order = moved(rules, from, to)
    onChange(order)
    // At an end only the other direction is left.
    const back = to === 0 ? 'down' : to === rules.length - 1 ? 'up' : to < from ? 'up' : 'down'
    setFocus(`rule-${to + 1}-${back}`)
    announce(t('rules.moved', { number: from + 1, to: to + 1 }))
  }
  function remove(place: number) {
    const rest = rules.filter((_, each) => each !== place)
    onChange(rest.length > 0 ? rest : [newRule()])
    setFocus('rules-add')
    announce(t('rules.removed', { number: place + 1 }))
  }
  return (
    <ol className="rules" aria-label={t('rules.title')}>
      {rules.map((rule, place) => {
        const scope = `rule-${place + 1}`
        const number = place + 1
        const opened = rule.key === open
        const sent = placeOf(rules, rule)
        const ran = sent !== undefined && preview?.rule === sent && rules.length > 1
        return (
          <Paper component="li" key={rule.key} p="xs" aria-label={t('rules.rule', { number })}>
            <Group gap={6} wrap="nowrap">
              <UnstyledButton
                id={`${scope}-open`}
                aria-expanded={opened}
                flex={1}
                miw={0}
                onClick={() => setOpen(opened ? undefined : rule.key)}
              >
                <Group gap={6} wrap="nowrap">
                  {opened ? <IconChevronDown size={15} aria-hidden /> : <IconChevronRight size={15} aria-hidden />}
                  <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
                    {t('rules.rule', { number })}
                    <Text span size="sm" c="dimmed" fw={400}>
                      {' '}
                      {summaryOf(rule, context.actions, t('rules.always'), t('inboundForm.noAction'))}
                    </Text>
                  </Text>
                </Group>
              </UnstyledButton>
              {ran && <Badge color="teal">{t('rules.runs')}</Badge>}
              <ActionIcon
                id={`${scope}-up`}
                variant="default"
                aria-label={t('rules.up', { number })}
                disabled={place === 0}
                onClick={() => move(place, place - 1)}
              >
                <IconArrowUp size={14} aria-hidden />
              </ActionIcon>
              <ActionIcon
                id={`${scope}-down`}
                variant="default"
                aria-label={t('rules.down', { number })}
                disabled={place === rules.length - 1}
                onClick={() => move(place, place + 1)}
              >
                <IconArrowDown size={14} aria-hidden />
              </ActionIcon>
              <ActionIcon id={`${scope}-remove`} variant="default" aria-label={t('rules.remove', { number })} onClick={() => remove(place)}>
                <IconTrash size={14} aria-hidden />
              </ActionIcon>
            </Group>
            {opened && (
              <div className="rule-inside">
                <RuleFields
                  {...context}
                  scope={scope}
                  rule={rule}
                  conditional
                  judged={sent === undefined ? undefined : preview?.rules[sent]}
                  onChange={(next) => onChange(rules.map((each) => (each.key === rule.key ? next : each)))}
                />
              </div>
            )}
          </Paper>
        )
      })}
    </ol>
  )
}

function summaryOf({ when, action }: RuleValues, actions: RuleContext['actions'], always: string, none: string) {
  const does = actions.find(({ name }) => name === action)?.displayName ?? (action || none)
  return `${when.trim() || always} → ${does}`
}
