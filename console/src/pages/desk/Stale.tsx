// Two people changed one record: what that means, and the way on.
import { Alert, Button, Text } from '@mantine/core'
import { IconUsers } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, recordQuery } from '../../api/desk'
import { Problem } from '../../api/problem'
import { tellProblem } from '../../ui/notify'
import type { Noun } from './nouns'

export const isStale = (error: unknown) => error instanceof Problem && error.status === 412

type Props = { noun: Noun; id: string; /** A step was refused, not a form. */ acted?: boolean; onLoaded: (now: DeskRecord) => void }

export function Stale({ noun, id, acted, onLoaded }: Props) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [loading, setLoading] = useState(false)
  async function load() {
    setLoading(true)
    try {
      onLoaded(await queries.fetchQuery({ ...recordQuery(noun.key, id), staleTime: 0 }))
    } catch (error) {
      tellProblem(error)
    } finally {
      setLoading(false)
    }
  }
  return (
    <Alert role="alert" w="100%" color="yellow" icon={<IconUsers aria-hidden />} title={t('desk.staleTitle')}>
      <Text size="sm">{acted ? t('desk.staleAct') : t('desk.stale')}</Text>
      <Button id="record-reload" mt="sm" variant="default" loading={loading} onClick={() => void load()}>
        {t('desk.reload')}
      </Button>
    </Alert>
  )
}
