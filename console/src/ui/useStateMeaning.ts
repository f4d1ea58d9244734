import { useTranslation } from 'react-i18next'

import { isDeliveryState } from '../api/deliveries'

/** What a delivery's state means, in a sentence. */
export function useStateMeaning() {
  const { t } = useTranslation()
  return (state: string) => (isDeliveryState(state) ? t(`state.${state}.means`) : state)
}
