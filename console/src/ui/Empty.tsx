import { Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

import { Snippet } from './Snippet'

type Props = { id: string; title?: string; text: string; curl?: string; children?: ReactNode }

/** Nothing to show, and the next step. */
export function Empty({ id, title, text, curl, children }: Props) {
  return (
    <Stack gap="xs" p="lg" maw={760} mx="auto">
      {title && <Title order={2}>{title}</Title>}
      <Text size="sm" c="dimmed">
        {text}
      </Text>
      {curl && <Snippet id={`${id}-copy`} text={curl} />}
      {children}
    </Stack>
  )
}
