// What people do with a record beside editing it: the steps of its life.
import { Button, Group, Menu, TextInput } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, type Given, choicesQuery, useAlertStep, useSaveRecord } from '../../api/desk'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Confirm } from '../../ui/Confirm'
import { MomentInput } from '../../ui/MomentInput'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import { tellProblem } from '../../ui/notify'
import { within } from './DeskFilters'
import { Stale, isStale } from './Stale'
import { type Action, type Noun, fieldOf, titleOf } from './nouns'
import { nouns } from './setup'
import { usePeople } from './useName'

type Props = { noun: Noun; record: DeskRecord }

export function RecordActions({ noun, record }: Props) {
  const { may } = useSession()
  const { me } = usePeople()
  const save = useSaveRecord(noun.key, record.id)
  const intent = useIntent()
  const [asked, setAsked] = useState<Action>()
  const change = (body: Given, done?: () => void) =>
    save.mutate({ body, version: record.version, key: intent.keyFor(body) }, { onSuccess: done, onError: (error) => !isStale(error) && tellProblem(error) })
  const offered = (noun.actions ?? []).filter((action) => may(action.needs) && action.when(record, me))
  return (
    <>
      {isStale(save.error) && <Stale noun={noun} id={record.id} acted onLoaded={() => save.reset()} />}
      {noun.menu && may('desk:write') && <StatusMenu noun={noun} record={record} busy={save.isPending} onChange={change} />}
      {offered.map((action) =>
        'alert' in action.does ? (
          <AlertButton key={action.key} action={action} step={action.does.alert} id={record.id} />
        ) : (
          <ActionButton
            key={action.key}
            action={action}
            busy={save.isPending}
            onAct={() => ('ask' in action.does ? setAsked(action) : 'change' in action.does && change(action.does.change(me)))}
          />
        ),
      )}
      {asked && 'ask' in asked.does && (
        <Asking
          action={asked}
          does={asked.does}
          busy={save.isPending}
          error={save.error}
          onClose={() => setAsked(undefined)}
          onAct={(body) => change(body, () => setAsked(undefined))}
        />
      )}
    </>
  )
}

function ActionButton({ action, busy, onAct }: { action: Action; busy: boolean; onAct: () => void }) {
  const { t } = useTranslation()
  return (
    <Button
      id={domId('record', action.key.replace(/[A-Z]/g, '-$&'))}
      variant={action.main ? 'filled' : 'default'}
      loading={busy}
      onClick={onAct}
    >
      {t(`desk.action.${action.key}`)}
    </Button>
  )
}

/** A ticket that is made of an alert is where one goes on. */
function AlertButton({ action, step, id }: { action: Action; step: 'acknowledge' | 'resolve' | 'reopen' | 'assign' | 'ticket'; id: string }) {
  const run = useAlertStep(id)
  const navigate = useNavigate()
  return (
    <ActionButton
      action={action}
      busy={run.isPending}
      onAct={() =>
        run.mutate(step, {
          onSuccess: (made) => {
            if (step === 'ticket') void navigate({ to: paths.desk, params: { noun: 'tickets' }, search: { record: made.id } })
          },
          onError: tellProblem,
        })
      }
    />
  )
}

type MenuProps = { noun: Noun; record: DeskRecord; busy: boolean; onChange: (body: Given) => void }

function StatusMenu({ noun, record, busy, onChange }: MenuProps) {
  const { t } = useTranslation()
  const [opened, setOpened] = useState(false)
  const field = noun.menu && fieldOf(noun, noun.menu)
  const to = field?.to ?? 'statuses'
  const query = useQuery({ ...choicesQuery(to, field ? within(field, record) : {}), enabled: field !== undefined && opened })
  if (!field) return null
  const others = (query.data ?? []).filter(({ id }) => id !== record[field.name])
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-start" withinPortal>
      <Menu.Target>
        <Button id="record-status-menu" loading={busy} rightSection={<IconChevronDown size={14} aria-hidden />}>
          {t('desk.menu')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {others.map((status) => (
          <Menu.Item key={status.id} id={domId('status', status.id)} onClick={() => onChange({ [field.name]: status.id })}>
            {titleOf(nouns[to], status)}
          </Menu.Item>
        ))}
        {query.data && others.length === 0 && <Menu.Label>{t('desk.nothingFound')}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  )
}

type AskingProps = {
  action: Action
  does: { ask: ('paid_at' | 'payment_reference' | string)[]; change: Given }
  busy: boolean
  error: unknown
  onClose: () => void
  onAct: (body: Given) => void
}

/** What has to be known before: all of it may be left out. */
function Asking({ action, does, busy, error, onClose, onAct }: AskingProps) {
  const { t } = useTranslation()
  const [values, setValues] = useState<Given>({})
  const set = (name: string, value: unknown) => setValues({ ...values, [name]: value })
  const filled = Object.fromEntries(Object.entries(values).filter(([, value]) => value))
  return (
    <Confirm
      id="record-ask"
      opened
      onClose={onClose}
      title={t(`desk.action.${action.key}`)}
      act={t(`desk.action.${action.key}`)}
      busy={busy}
      onAct={() => onAct({ ...does.change, ...filled })}
    >
      <Group grow align="start">
        {does.ask.map((name) =>
          name === 'paid_at' ? (
            <MomentInput
              key={name}
              id="record-ask-paid-at"
              label={t('desk.field.paid_at')}
              value={undefined}
              onChange={(moment) => set(name, moment)}
            />
          ) : (
            <TextInput
              key={name}
              id="record-ask-reference"
              size="xs"
              label={t('desk.field.payment_reference')}
              onChange={(event) => set(name, event.currentTarget.value.trim())}
            />
          ),
        )}
      </Group>
      {error !== null && !isStale(error) && <Notice id="record-ask-problem" error={error} />}
    </Confirm>
  )
}
