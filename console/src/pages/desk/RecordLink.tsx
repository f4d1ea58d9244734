import { useTranslation } from 'react-i18next'

import type { NounKey } from '../../api/desk'
import { useSession } from '../../api/session'
import { paths } from '../../paths'
import { domId } from '../../ui/domId'
import { AnchorLink } from '../../ui/links'
import { nounOfId } from './place'
import { useName, usePeople } from './useName'

type Props = { noun: NounKey; id: string; scope: string; name?: string; plain?: boolean }

/** A record by its name; where it leads is its page. */
export function RecordLink({ noun, id, scope, name, plain }: Props) {
  return name ? <Named {...{ noun, id, scope, name, plain }} /> : <Looked {...{ noun, id, scope, plain }} />
}

function Looked(props: Omit<Props, 'name'>) {
  const name = useName(props.noun, props.id)
  return <Named {...props} name={name ?? props.id} />
}

function Named({ noun, id, scope, name, plain }: Required<Pick<Props, 'name'>> & Omit<Props, 'name'>) {
  if (plain) return name
  return (
    <AnchorLink id={domId(scope, id)} size="sm" underline="always" to={paths.desk} params={{ noun }} search={{ record: id }}>
      {name}
    </AnchorLink>
  )
}

/** Any id: a link where it names a record that one may see, else as it is. */
export function IdLink({ id, scope }: { id: string; scope: string }) {
  const { may } = useSession()
  const noun = nounOfId(id)
  if (!noun || !may('desk:read')) return <code className="mono">{id}</code>
  return <RecordLink noun={noun} id={id} scope={scope} />
}

export function Person({ id }: { id: string }) {
  const { t } = useTranslation()
  const { me, nameOf } = usePeople()
  const name = nameOf(id)
  if (id === me && name) return t('desk.me', { name })
  return name ?? <code className="mono">{id}</code>
}
