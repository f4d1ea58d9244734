// What may be done with a destination, for those who may.
import { ActionIcon, Button, Group, Menu } from '@mantine/core'
import {
  IconDotsVertical,
  IconEye,
  IconHistory,
  IconKey,
  IconMailForward,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconSend,
  IconShieldCheck,
  IconTrash,
} from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { lazy, useState } from 'react'
import { useTranslation } from 'react-i18next'

import {
  type Destination,
  useDeleteDestination,
  useReveal,
  useSwitchDestination,
  useTestDestination,
  useVerifyDestination,
} from '../../api/destinations'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { Code } from '../../ui/Code'
import { Confirm } from '../../ui/Confirm'
import { Later } from '../../ui/Later'
import { tell, tellProblem } from '../../ui/notify'
import { RotateSecret } from './RotateSecret'

const DestinationForm = lazy(() => import('./DestinationForm').then((loaded) => ({ default: loaded.DestinationForm })))
const CatchUp = lazy(() => import('./CatchUp').then((loaded) => ({ default: loaded.CatchUp })))

const catchUps = ['recover', 'replay-missing'] as const

type Open = 'edit' | 'rotate' | 'recover' | 'replay-missing' | 'delete' | 'reveal'

export function DestinationActions({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  return (
    <>
      <Group gap="xs">
        <TestButton destination={destination} />
        <Button
          id="destination-edit"
          variant="default"
          leftSection={<IconPencil size={15} aria-hidden />}
          onClick={() => setOpen('edit')}
        >
          {t('destination.edit')}
        </Button>
        <SwitchButton destination={destination} />
        <MoreMenu destination={destination} onOpen={setOpen} />
      </Group>
      <RotateSecret destination={destination} opened={open === 'rotate'} onClose={close} />
      <Later when={open === 'edit'}>
        <DestinationForm destination={destination} opened={open === 'edit'} onClose={close} />
      </Later>
      {may('delivery:replay') &&
        !session.portal &&
        catchUps.map((kind) => (
          <Later key={kind} when={open === kind}>
            <CatchUp kind={kind} destination={destination} opened={open === kind} onClose={close} />
          </Later>
        ))}
      <DeleteDialog destination={destination} opened={open === 'delete'} onClose={close} />
      <RevealDialog destination={destination} opened={open === 'reveal'} onClose={close} />
    </>
  )
}

function TestButton({ destination: { id } }: { destination: Destination }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const test = useTestDestination(id)
  function send() {
    test.mutate(undefined, {
      onSuccess: ({ delivery_id }) => {
        tell(t('destination.testDone'))
        void navigate({ to: paths.destinations, search: { destination: id, delivery: delivery_id } })
      },
      onError: tellProblem,
    })
  }
  return (
    <Button id="destination-test" leftSection={<IconSend size={15} aria-hidden />} loading={test.isPending} onClick={send}>
      {t('destination.test')}
    </Button>
  )
}

function SwitchButton({ destination: { id, name, state } }: { destination: Destination }) {
  const { t } = useTranslation()
  const change = useSwitchDestination(id)
  function switchTo(to: 'pause' | 'resume') {
    const done = to === 'pause' ? t('destination.pauseDone', { name }) : t('destination.resumeDone', { name })
    change.mutate(to, { onSuccess: () => tell(done), onError: tellProblem })
  }
  if (state === 'active') {
    return (
      <Button
        id="destination-pause"
        variant="default"
        leftSection={<IconPlayerPause size={15} aria-hidden />}
        loading={change.isPending}
        onClick={() => switchTo('pause')}
      >
        {t('destination.pause')}
      </Button>
    )
  }
  if (state !== 'paused') return null
  return (
    <Button
      id="destination-resume"
      variant="default"
      leftSection={<IconPlayerPlay size={15} aria-hidden />}
      loading={change.isPending}
      onClick={() => switchTo('resume')}
    >
      {t('destination.resume')}
    </Button>
  )
}

function MoreMenu({ destination, onOpen }: { destination: Destination; onOpen: (open: Open) => void }) {
  const { t } = useTranslation()
  const { session, may } = useSession()
  const verify = useVerifyDestination(destination.id)
  const prove = () => verify.mutate(undefined, { onSuccess: () => tell(t('destination.verifyDone')), onError: tellProblem })
  return (
    <Menu position="bottom-end" id="destination-more">
      <Menu.Target>
        <ActionIcon id="destination-more" variant="default" size={30} aria-label={t('destination.more')}>
          <IconDotsVertical size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item id="destination-rotate" leftSection={<IconKey size={15} aria-hidden />} onClick={() => onOpen('rotate')}>
          {t('destination.rotate')}
        </Menu.Item>
        {destination.adapter_type === 'webhook' && (
          <Menu.Item id="destination-verify" leftSection={<IconShieldCheck size={15} aria-hidden />} onClick={prove}>
            {t('destination.verify')}
          </Menu.Item>
        )}
        {may('delivery:replay') && !session.portal && (
          <>
            <Menu.Item
              id="destination-recover"
              leftSection={<IconHistory size={15} aria-hidden />}
              onClick={() => onOpen('recover')}
            >
              {t('destination.recover')}
            </Menu.Item>
            <Menu.Item
              id="destination-replay-missing"
              leftSection={<IconMailForward size={15} aria-hidden />}
              onClick={() => onOpen('replay-missing')}
            >
              {t('destination.replayMissing')}
            </Menu.Item>
          </>
        )}
        {may('destination:reveal') && (
          <Menu.Item id="destination-reveal" leftSection={<IconEye size={15} aria-hidden />} onClick={() => onOpen('reveal')}>
            {t('destination.reveal')}
          </Menu.Item>
        )}
        {may('destination:delete') && (
          <Menu.Item
            id="destination-delete"
            color="red"
            leftSection={<IconTrash size={15} aria-hidden />}
            onClick={() => onOpen('delete')}
          >
            {t('destination.delete')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

type DialogProps = { destination: Destination; opened: boolean; onClose: () => void }

function DeleteDialog({ destination: { id, name }, opened, onClose }: DialogProps) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const remove = useDeleteDestination(id)
  function run() {
    remove.mutate(undefined, {
      onSuccess: () => {
        tell(t('destination.deleteDone', { name }))
        void navigate({ to: paths.destinations, search: {} })
      },
      onError: tellProblem,
    })
  }
  return (
    <Confirm
      id="delete-destination"
      opened={opened}
      onClose={onClose}
      title={t('destination.deleteTitle', { name })}
      text={t('destination.deleteLead')}
      act={t('destination.delete')}
      danger
      busy={remove.isPending}
      onAct={run}
    />
  )
}

function RevealDialog({ destination: { id, name }, opened, onClose }: DialogProps) {
  const { t } = useTranslation()
  const reveal = useReveal(id)
  function close() {
    reveal.reset()
    onClose()
  }
  return (
    <Confirm
      id="reveal-destination"
      opened={opened}
      onClose={close}
      title={t('destination.revealTitle', { name })}
      text={t('destination.revealLead')}
      act={t('destination.revealAct')}
      busy={reveal.isPending}
      disabled={reveal.isSuccess}
      onAct={() => reveal.mutate(undefined, { onError: tellProblem })}
    >
      {reveal.data && <Code id="revealed-url" text={reveal.data.endpoint_url} label={t('destination.url')} />}
    </Confirm>
  )
}
