import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'

import { Problem } from '../../api/problem'
import { signIn } from '../../api/session'
import { base, safeReturn } from '../../paths'
import { Logo } from '../../shell/Logo'
import { Preferences } from '../../shell/Preferences'
import { Notice } from '../../ui/Notice'

export function SignInPage() {
  const { t } = useTranslation()
  const { back } = useSearch({ from: '/sign-in' })
  useEffect(() => {
    document.title = `${t('signIn.title')} · ${t('app.name')}`
  }, [t])
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w={360} maw="100%" gap="md">
        <Paper p="xl">
          <Group gap="sm" mb="md">
            <Logo size={36} />
            <div>
              <Title order={1}>{t('app.name')}</Title>
              <Text size="sm" c="dimmed">
                {t('signIn.lead')}
              </Text>
            </div>
          </Group>
          {back && (
            <Alert role="note" color="lake" mb="md" py="xs">
              {t('signIn.goOn')}
            </Alert>
          )}
          <SignInForm back={back} />
        </Paper>
        <Preferences scope="sign-in" />
      </Stack>
    </Center>
  )
}

function SignInForm({ back }: { back: string | undefined }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const router = useRouter()
  const form = useForm({
    initialValues: { email: '', password: '' },
    validate: {
      email: (value) => (value.trim() ? null : t('signIn.needEmail')),
      password: (value) => (value ? null : t('signIn.needPassword')),
    },
  })
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: () => {
      // Nothing that another user saw may remain.
      queries.clear()
      router.history.push(base + safeReturn(back))
    },
  })
  const refused = enter.error instanceof Problem && enter.error.status === 401
  return (
    <form
      id="sign-in"
      noValidate
      onSubmit={form.onSubmit(({ email, password }) => enter.mutate({ email: email.trim(), password }))}
    >
      <Stack gap="sm">
        <TextInput
          id="sign-in-email"
          label={t('signIn.email')}
          type="email"
          autoComplete="username"
          {...form.getInputProps('email')}
        />
        <PasswordInput
          id="sign-in-password"
          label={t('signIn.password')}
          autoComplete="current-password"
          visibilityToggleButtonProps={{ id: 'sign-in-password-show', 'aria-label': t('signIn.showPassword'), tabIndex: 0 }}
          {...form.getInputProps('password')}
        />
        {refused && (
          <Text role="alert" size="sm" c="var(--mantine-color-error)">
            {t('signIn.refused')}
          </Text>
        )}
        {enter.error && !refused && <Notice id="sign-in-problem" error={enter.error} />}
        <Button id="sign-in-submit" type="submit" size="sm" fullWidth mt="xs" loading={enter.isPending}>
          {t('signIn.submit')}
        </Button>
      </Stack>
    </form>
  )
}
