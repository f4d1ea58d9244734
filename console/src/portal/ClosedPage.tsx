// What stands in the portal's place where it can't be opened: why, and who helps.
import { Center, Paper, Stack, Text, Title } from '@mantine/core'
import { IconLinkOff } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

const known = ['link_used', 'link_expired', 'link_revoked', 'link_unknown', 'ended', 'left', 'none', 'unreachable'] as const
export type Closed = (typeof known)[number]
export const closedBy = (code: string): Closed => known.find((each) => each === code) ?? 'unreachable'

export function ClosedPage({ why }: { why: Closed }) {
  const { t } = useTranslation()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = t(`portal.closed.${why}.title`)
    heading.current?.focus()
  }, [t, why])
  return (
    <Center component="main" mih="60vh" p="md">
      <Paper p="xl" maw={460} id="portal-closed">
        <Stack gap="sm" align="center" ta="center">
          <IconLinkOff size={36} stroke={1.5} aria-hidden />
          <Title order={1} ref={heading} tabIndex={-1} className="unringed">
            {t(`portal.closed.${why}.title`)}
          </Title>
          <Text>{t(`portal.closed.${why}.text`)}</Text>
        </Stack>
      </Paper>
    </Center>
  )
}
