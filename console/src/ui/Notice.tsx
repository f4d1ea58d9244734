// What went wrong, in the server's own words, with the id to ask about.
import { Alert, Button, Group, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { Problem } from '../api/problem'
import { Copy } from './Copy'

type Props = { id: string; error: unknown; onRetry?: () => unknown }

export function Notice({ id, error, onRetry }: Props) {
  const { t } = useTranslation()
  const problem = error instanceof Problem ? error : undefined
  const said =
    !problem || problem.status === 0
      ? t('problem.offline')
      : (problem.detail ?? t('problem.unreadable', { status: problem.status }))
  return (
    <Alert role="alert" color="red" icon={<IconAlertTriangle aria-hidden />} title={t('problem.title')}>
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {said}
      </Text>
      {problem?.requestId && (
        <Group gap={4} mt={6}>
          <Text size="xs" c="dimmed">
            {t('common.requestId')}
          </Text>
          <code className="mono">{problem.requestId}</code>
          <Copy id={`${id}-request-id-copy`} text={problem.requestId} what={t('common.requestId')} />
        </Group>
      )}
      {onRetry && (
        <Button id={`${id}-retry`} mt="sm" variant="default" onClick={() => onRetry()}>
          {t('common.tryAgain')}
        </Button>
      )}
    </Alert>
  )
}
