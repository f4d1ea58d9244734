import { Badge, Button, Group, NativeSelect, PasswordInput, Stack, Switch, Table, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type User, rolesQuery, useRemoveUser, useSaveUser, usersQuery } from '../../api/accounts'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Confirm } from '../../ui/Confirm'
import { Empty } from '../../ui/Empty'
import { Listing } from '../../ui/Listing'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SidePanel } from '../../ui/SidePanel'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { tell, tellProblem } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'

export function Users() {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useInfiniteQuery(usersQuery)
  const [editing, setEditing] = useState<User | 'new'>()
  const close = () => setEditing(undefined)
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Refresh id="users-refresh" of={[query]} kinds={['users']} />
        {may('user:write') && (
          <Button id="user-new" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setEditing('new')}>
            {t('people.newUser')}
          </Button>
        )}
      </Group>
      <Listing id="users" of={query} empty={<Empty id="users-empty" text={t('people.noUsers')} />}>
        {(rows) => <UserTable rows={rows} onEdit={may('user:write') ? setEditing : undefined} />}
      </Listing>
      <SidePanel
        id="user-panel"
        title={editing === 'new' ? t('people.newUser') : (editing?.name ?? '')}
        opened={editing !== undefined}
        onClose={close}
      >
        {editing && <UserForm key={editing === 'new' ? 'new' : editing.id} user={editing === 'new' ? undefined : editing} onDone={close} />}
      </SidePanel>
    </Stack>
  )
}

function UserTable({ rows, onEdit }: { rows: User[]; onEdit: ((user: User) => void) | undefined }) {
  const { t } = useTranslation()
  return (
    <Table className="rows" aria-label={t('people.users')}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('people.name')}</Table.Th>
          <Table.Th className="middling">{t('signIn.email')}</Table.Th>
          <Table.Th>{t('people.role')}</Table.Th>
          <Table.Th className="middling">{t('common.created')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td>
              {onEdit ? (
                <button id={domId('edit', row.id)} type="button" className="opener plain" onClick={() => onEdit(row)}>
                  {row.name}
                </button>
              ) : (
                row.name
              )}{' '}
              {row.disabled && (
                <Badge color="gray" size="xs">
                  {t('people.disabled')}
                </Badge>
              )}
            </Table.Td>
            <Table.Td className="middling">{row.email}</Table.Td>
            <Table.Td>{row.role}</Table.Td>
            <Table.Td className="middling">
              <Time at={row.created_at} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

const fields = ['email', 'name', 'role', 'password'] as const

function UserForm({ user, onDone }: { user: User | undefined; onDone: () => void }) {
  const { t } = useTranslation()
  const roles = useQuery(rolesQuery).data?.data ?? []
  const intent = useIntent()
  const save = useSaveUser(user?.id)
  const remove = useRemoveUser()
  const [asking, setAsking] = useState(false)
  const form = useForm({
    initialValues: {
      email: user?.email ?? '',
      name: user?.name ?? '',
      role: user?.role ?? 'operator',
      password: '',
      disabled: user?.disabled ?? false,
    },
    validate: {
      email: (value) => (value.trim() ? null : t('signIn.needEmail')),
      name: (value) => (value.trim() ? null : t('create.needName')),
    },
  })
  const rest = useProblems(form, save.error, fields)
  const submit = form.onSubmit(({ password, disabled, ...values }) => {
    const body = { ...values, ...(password ? { password } : {}), ...(user ? { disabled } : {}) }
    save.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: () => [intent.done(), tell(t('destinationForm.saved')), onDone()] },
    )
  })
  return (
    <form id="user-form" onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          id="user-email"
          type="email"
          label={t('signIn.email')}
          autoComplete="off"
          disabled={user !== undefined}
          {...form.getInputProps('email')}
        />
        <TextInput id="user-name" label={t('people.name')} autoComplete="off" {...form.getInputProps('name')} />
        <NativeSelect
          id="user-role"
          size="sm"
          label={t('people.role')}
          data={roles.map(({ name, about }) => ({ value: name, label: `${name}: ${about}` }))}
          {...form.getInputProps('role')}
        />
        <PasswordInput
          id="user-password"
          label={t('signIn.password')}
          description={user ? t('people.passwordKept') : t('people.passwordNew')}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ id: 'user-password-show', 'aria-label': t('signIn.showPassword') }}
          {...form.getInputProps('password')}
        />
        {user && (
          <Switch id="user-disabled" label={t('people.disable')} {...form.getInputProps('disabled', { type: 'checkbox' })} />
        )}
        {rest && <Notice id="user-problem" error={save.error} />}
        <Group justify="space-between">
          {user ? (
            <Button id="user-remove" variant="default" onClick={() => setAsking(true)}>
              {t('destination.delete')}
            </Button>
          ) : (
            <span />
          )}
          <Button id="user-submit" type="submit" loading={save.isPending}>
            {t('common.save')}
          </Button>
        </Group>
      </Stack>
      {user && (
        <Confirm
          id="remove-user"
          opened={asking}
          onClose={() => setAsking(false)}
          title={t('destination.deleteTitle', { name: user.name })}
          text={t('people.removeLead')}
          act={t('destination.delete')}
          danger
          busy={remove.isPending}
          onAct={() => remove.mutate(user.id, { onSuccess: onDone, onError: tellProblem })}
        />
      )}
    </form>
  )
}
