// Narrows what is loaded already: nothing is asked of the server.
import { Chip, Group } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../api/deliveries'
import type { Destination } from '../../api/destinations'
import { useFormats } from '../../i18n/format'
import { domId } from '../../ui/domId'
import { type Filter, filters, isFilter, shows } from './health'

type Props = { rows: Destination[]; latest: Map<string, Delivery>; chosen: Filter; onChange: (filter: Filter) => void }

export function DestinationFilters({ rows, latest, chosen, onChange }: Props) {
  const { t } = useTranslation()
  const { number } = useFormats()
  return (
    <Chip.Group value={chosen} onChange={(value) => isFilter(value) && onChange(value)}>
      <Group gap={6} p="xs" role="radiogroup" aria-label={t('destinations.filter')}>
        {filters.map((filter) => (
          <Chip key={filter} id={domId('destinations-filter', filter)} value={filter} size="xs" radius="sm">
            {t(`destinations.filter_${filter}`)} {number(rows.filter((row) => shows(filter, row, latest)).length)}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
  )
}
