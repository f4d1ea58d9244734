// A list of steps that tick themselves: what is done, what is next, and what can be done about it.
import { Group, Paper, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import type { Step } from './progress'

type Props = { id: string; title: string; steps: [Step, boolean][]; action: (step: Step, done: boolean) => ReactNode }

export function Steps({ id, title, steps, action }: Props) {
  const { t } = useTranslation()
  const next = steps.find(([, done]) => !done)?.[0]
  return (
    <Paper component="section" p="md" aria-labelledby={`${id}-title`}>
      <Title order={2} id={`${id}-title`} mb="sm">
        {title}
      </Title>
      <Stack component="ol" gap="md" className="steps">
        {steps.map(([step, done], place) => (
          <li key={step} id={`step-${step}`} data-done={done} aria-current={step === next ? 'step' : undefined}>
            <Group align="start" gap="sm" wrap="nowrap">
              <ThemeIcon size={26} radius="xl" variant={done ? 'filled' : 'light'} color={done ? 'teal.9' : 'gray'} aria-hidden>
                {done ? <IconCheck size={16} /> : <span>{place + 1}</span>}
              </ThemeIcon>
              <Stack gap={6} flex={1} miw={0}>
                <Text fw={600}>
                  {t(`firstSteps.${step}.title`)}
                  <span className="unseen"> {done ? t('firstSteps.done') : t('firstSteps.open')}</span>
                </Text>
                {(!done || step === next) && (
                  <Text size="sm" c="dimmed">
                    {t(`firstSteps.${step}.text`)}
                  </Text>
                )}
                {(done || step === next) && action(step, done)}
              </Stack>
            </Group>
          </li>
        ))}
      </Stack>
    </Paper>
  )
}
