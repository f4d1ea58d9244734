import { useTranslation } from 'react-i18next'

import { useSession } from '../api/session'

/** The role's name; a tenant's own role is called what the tenant calls it. */
export function useRoleName(): string {
  const { t } = useTranslation()
  const { role } = useSession().session
  const names: Record<string, string> = {
    platform_admin: t('role.platform_admin'),
    tenant_admin: t('role.tenant_admin'),
    operator: t('role.operator'),
    auditor: t('role.auditor'),
    publisher: t('role.publisher'),
  }
  return names[role] ?? role
}
