// Removing a record, which asks first and says what still needs it.
import { Button } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type DeskRecord, useRemoveRecord } from '../../api/desk'
import { Confirm } from '../../ui/Confirm'
import { Notice } from '../../ui/Notice'
import { tell } from '../../ui/notify'
import { Stale, isStale } from './Stale'
import { type Noun, titleOf } from './nouns'

type Props = { noun: Noun; record: DeskRecord; onGone: () => void }

export function Remove({ noun, record, onGone }: Props) {
  const { t } = useTranslation()
  const remove = useRemoveRecord(noun.key, record.id)
  const [asking, setAsking] = useState(false)
  const gone = () => {
    setAsking(false)
    tell(t('desk.deleted'))
    onGone()
  }
  return (
    <>
      <Button
        id="record-delete"
        variant="default"
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={() => [remove.reset(), setAsking(true)]}
      >
        {t('desk.delete')}
      </Button>
      <Confirm
        id="delete-record"
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('desk.deleteTitle', { name: titleOf(noun, record) })}
        text={t('desk.deleteLead')}
        act={t('desk.delete')}
        danger
        busy={remove.isPending}
        onAct={() => remove.mutate(record.version, { onSuccess: gone })}
      >
        {isStale(remove.error) ? (
          <Stale noun={noun} id={record.id} acted onLoaded={() => remove.reset()} />
        ) : (
          remove.error && <Notice id="delete-record-problem" error={remove.error} />
        )}
      </Confirm>
    </>
  )
}
