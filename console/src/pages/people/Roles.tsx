import { Accordion, Badge, Button, Checkbox, Group, Paper, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type Role, rolesQuery, useCreateRole, useRemoveRole } from '../../api/accounts'
import type { Schemas } from '../../api/client'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Loading } from '../../ui/Loading'
import { Notice } from '../../ui/Notice'
import { domId } from '../../ui/domId'
import { tell, tellProblem } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'

export function Roles() {
  const { may } = useSession()
  const query = useQuery(rolesQuery)
  if (query.isPending) return <Loading />
  if (query.error) return <Notice id="roles-problem" error={query.error} onRetry={query.refetch} />
  return (
    <Stack gap="md">
      <Paper>
        <Accordion id="roles">
          {query.data.data.map((role) => (
            <RoleItem key={role.name} role={role} />
          ))}
        </Accordion>
      </Paper>
      {may('role:write') && <NewRole permissions={query.data.permissions} />}
    </Stack>
  )
}

function RoleItem({ role }: { role: Role }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const remove = useRemoveRole()
  const { id } = role
  return (
    <Accordion.Item value={domId(role.name)}>
      <Accordion.Control>
        <Group gap="xs">
          <Text fw={600} size="sm">
            {role.name}
          </Text>
          <Text size="sm" c="dimmed">
            {role.about}
          </Text>
          {role.redacted && <Badge color="gray">{t('people.redacted')}</Badge>}
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Group gap={4}>
          {role.permissions.map((permission) => (
            <Badge key={permission} color="lake" className="mono">
              {permission}
            </Badge>
          ))}
        </Group>
        {id && may('role:write') && (
          <Button
            id={domId('remove', id)}
            mt="sm"
            variant="default"
            loading={remove.isPending}
            onClick={() => remove.mutate(id, { onSuccess: () => tell(t('people.roleRemoved')), onError: tellProblem })}
          >
            {t('destination.delete')}
          </Button>
        )}
      </Accordion.Panel>
    </Accordion.Item>
  )
}

function NewRole({ permissions }: { permissions: Schemas['Permission'][] }) {
  const { t } = useTranslation()
  const intent = useIntent()
  const create = useCreateRole()
  const form = useForm({
    initialValues: { name: '', permissions: [] as string[] },
    validate: {
      name: (value) => (value.trim() ? null : t('create.needName')),
      permissions: (value) => (value.length > 0 ? null : t('people.needPermission')),
    },
  })
  const rest = useProblems(form, create.error, ['name', 'permissions'])
  const submit = form.onSubmit((body) =>
    create.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: () => [intent.done(), form.reset(), tell(t('people.roleMade'))] },
    ),
  )
  return (
    <Paper p="md">
      <form id="role-form" onSubmit={submit} noValidate>
        <Stack gap="sm">
          <TextInput id="role-name" label={t('people.newRole')} maw={360} {...form.getInputProps('name')} />
          <Checkbox.Group label={t('people.permissions')} {...form.getInputProps('permissions')}>
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing={10} mt={4}>
              {permissions.map(({ name, about }) => (
                <Checkbox key={name} id={domId('permission', name)} value={name} label={name} description={about} />
              ))}
            </SimpleGrid>
          </Checkbox.Group>
          {rest && <Notice id="role-problem" error={create.error} />}
          <div>
            <Button id="role-submit" type="submit" loading={create.isPending}>
              {t('create.submit')}
            </Button>
          </div>
        </Stack>
      </form>
    </Paper>
  )
}
