import { Alert, Switch, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { useSession, useSetFeatures } from '../../api/session'
import { tell, tellProblem } from '../../ui/notify'

/** The tenant receives nothing yet: says so, and lets those who may change it. */
export function FeatureNotice() {
  const { t } = useTranslation()
  const { may } = useSession()
  const set = useSetFeatures()
  function switchOn() {
    set.mutate({ inbound_webhooks_enabled: true }, { onSuccess: () => tell(t('inbound.switchedOn')), onError: tellProblem })
  }
  return (
    <Alert role="note" color="yellow" icon={<IconInfoCircle aria-hidden />} title={t('inbound.offTitle')}>
      <Text size="sm">{t('inbound.off')}</Text>
      {may('feature:write') ? (
        <Switch
          id="inbound-feature"
          mt="sm"
          label={t('inbound.switch')}
          checked={false}
          disabled={set.isPending}
          onChange={switchOn}
        />
      ) : (
        <Text size="sm">{t('inbound.offReader')}</Text>
      )}
    </Alert>
  )
}
