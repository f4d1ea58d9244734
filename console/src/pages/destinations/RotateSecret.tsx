// A new signing secret: how long the old one signs beside it, the new one shown once, and the end of the overlap.
import { Alert, Button, NativeSelect, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Destination, useFinalizeRotation, useRotateSecret } from '../../api/destinations'
import { useFormats } from '../../i18n/format'
import { Confirm } from '../../ui/Confirm'
import { SecretOnce } from '../../ui/SecretOnce'
import { tell, tellProblem } from '../../ui/notify'

const OVERLAPS_S = [0, 3600, 86_400, 604_800]

type Props = { destination: Destination; opened: boolean; onClose: () => void }

export function RotateSecret({ destination, opened, onClose }: Props) {
  const { t } = useTranslation()
  const { duration } = useFormats()
  const rotate = useRotateSecret(destination.id)
  const [overlap, setOverlap] = useState('86400')
  const [secret, setSecret] = useState<string>()
  function run() {
    rotate.mutate(
      { overlap_seconds: Number(overlap) },
      {
        onSuccess: ({ signing_secret }) => {
          onClose()
          setSecret(signing_secret ?? undefined)
          tell(t('rotate.done'))
        },
        onError: tellProblem,
      },
    )
  }
  return (
    <>
      <Confirm
        id="rotate-secret"
        opened={opened}
        onClose={onClose}
        title={t('rotate.title', { name: destination.name })}
        text={t('rotate.lead')}
        act={t('rotate.act')}
        busy={rotate.isPending}
        onAct={run}
      >
        <NativeSelect
          id="rotate-secret-overlap"
          mt="sm"
          label={t('rotate.overlap')}
          description={t('rotate.overlapHint')}
          value={overlap}
          onChange={(event) => setOverlap(event.currentTarget.value)}
          data={OVERLAPS_S.map((seconds) => ({
            value: String(seconds),
            label: seconds === 0 ? t('rotate.none') : duration(seconds * 1000),
          }))}
        />
      </Confirm>
      {secret && <SecretOnce name={destination.name} secret={secret} onStored={() => setSecret(undefined)} />}
      {!secret && destination.previous_secret_until && <Overlap destination={destination} />}
    </>
  )
}

/** Both secrets sign: until when, and how to end it once the receiver has the new one. */
function Overlap({ destination }: { destination: Destination }) {
  const { t } = useTranslation()
  const { whole } = useFormats()
  const finalize = useFinalizeRotation(destination.id)
  const end = () => finalize.mutate(undefined, { onSuccess: () => tell(t('rotate.finalized')), onError: tellProblem })
  return (
    <Alert role="note" color="lake" py="xs">
      <Text size="sm">{t('rotate.overlapping', { time: whole(destination.previous_secret_until ?? '') })}</Text>
      <Button id="rotate-secret-finalize" mt={6} variant="default" loading={finalize.isPending} onClick={end}>
        {t('rotate.finalize')}
      </Button>
    </Alert>
  )
}
