import { ActionIcon, Group, Text } from '@mantine/core'
import { IconLogout } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { signOut, useSession } from '../api/session'
import { paths } from '../paths'
import { tellProblem } from '../ui/notify'
import { useRoleName } from './useRoleName'

/** Who is signed in, as what, and the way out. */
export function Account() {
  const { t } = useTranslation()
  const { session } = useSession()
  const role = useRoleName()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const leave = useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      await navigate({ to: paths.signIn, search: {} })
      queries.clear()
    },
    onError: tellProblem,
  })
  return (
    <section className="account" aria-label={t('app.account')}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <div className="shrinking">
          <Text size="sm" fw={600} truncate title={session.email ?? undefined}>
            {session.name ?? session.email}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {role}
          </Text>
        </div>
        <ActionIcon
          id="sign-out"
          variant="default"
          size={30}
          aria-label={t('app.signOut')}
          title={t('app.signOut')}
          loading={leave.isPending}
          onClick={() => leave.mutate()}
        >
          <IconLogout size={16} aria-hidden />
        </ActionIcon>
      </Group>
    </section>
  )
}
