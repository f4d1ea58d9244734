// The frame of a page: title, what it is about, tools. Focus goes to the title on arrival, so that
// a screen reader says where one is.
import { Group, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

type Props = { title: string; lead?: string; tools?: ReactNode; children: ReactNode }

export function Page({ title, lead, tools, children }: Props) {
  const { t } = useTranslation()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`
  }, [title, t])
  useEffect(() => {
    heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <div className="page">
      <Group justify="space-between" align="end" gap="sm">
        <div>
          <Title order={1} ref={heading} tabIndex={-1}>
            {title}
          </Title>
          {lead && (
            <Text size="sm" c="dimmed">
              {lead}
            </Text>
          )}
        </div>
        {tools}
      </Group>
      {children}
    </div>
  )
}
