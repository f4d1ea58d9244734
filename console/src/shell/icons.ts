import {
  IconActivity,
  IconArchive,
  IconArrowsSplit2,
  IconBell,
  IconListSearch,
  IconRocket,
  IconSend2,
  IconSettings,
  IconShieldCheck,
  IconTicket,
  IconUsers,
  IconVocabulary,
  IconWebhook,
  type Icon,
} from '@tabler/icons-react'

import type { PlaceKey } from './places'

export const icons: Record<PlaceKey, Icon> = {
  destinations: IconArrowsSplit2,
  deliveries: IconSend2,
  deadLetters: IconArchive,
  events: IconActivity,
  eventTypes: IconVocabulary,
  verify: IconShieldCheck,
  webhooks: IconWebhook,
  tickets: IconTicket,
  audit: IconListSearch,
  notifications: IconBell,
  people: IconUsers,
  settings: IconSettings,
  firstSteps: IconRocket,
}
