import { Button, Text } from '@mantine/core'
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
      <Text size="sm" fw={600} truncate>
        {session.name ?? session.email}
      </Text>
      <Text size="xs" c="dimmed" truncate title={session.email ?? undefined}>
        {session.email}
      </Text>
      <Text size="xs" c="dimmed">
        {role}
      </Text>
      <Button
        id="sign-out"
        mt="xs"
        variant="default"
        fullWidth
        leftSection={<IconLogout size={15} aria-hidden />}
        loading={leave.isPending}
        onClick={() => leave.mutate()}
      >
        {t('app.signOut')}
      </Button>
    </section>
  )
}
