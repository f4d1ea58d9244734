// Leads from a record's id alone to the record among its kind.
import { Navigate, useParams } from '@tanstack/react-router'

import { paths } from '../../paths'
import { NotFoundPage } from '../NotFoundPage'
import { nounOfId } from './place'

export function RecordPage() {
  const { id } = useParams({ from: '/shell/record/$id' })
  const noun = nounOfId(id)
  return noun ? <Navigate to={paths.desk} params={{ noun }} search={{ record: id }} replace /> : <NotFoundPage />
}
