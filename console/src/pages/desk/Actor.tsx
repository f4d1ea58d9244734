import { useTranslation } from 'react-i18next'

import { Person, RecordLink } from './RecordLink'

/** Whoever did something, as the trail names them: `user:usr_...`, `webhook:slug`, `token:tok_...`. */
export function Actor({ actor }: { actor: string }) {
  const { t } = useTranslation()
  const place = actor.indexOf(':')
  const [kind, name] = place < 0 ? ['', actor] : [actor.slice(0, place), actor.slice(place + 1)]
  if (name.startsWith('usr_')) return <Person id={name} />
  if (name.startsWith('con_')) return <RecordLink noun="contacts" id={name} scope="actor" />
  if (kind === 'webhook') return t('desk.history.webhook', { slug: name })
  if (actor === 'system') return t('desk.history.system')
  return <code className="mono">{actor}</code>
}
