// Values that lists hardly ever show: free data, lines of an invoice, colours, whoever did something.
import { ColorSwatch, Group, Table } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { Given } from '../../api/desk'
import { Code, pretty } from '../../ui/Code'
import { domId } from '../../ui/domId'
import { Actor } from './Actor'
import { Value, type ValueProps, isEmpty } from './Value'

export function LargeValue({ field, record, scope }: ValueProps) {
  const { t } = useTranslation()
  const value = record[field.name]
  const said = String(value)
  switch (field.kind) {
    case 'actor':
      return <Actor actor={said} />
    case 'colour':
      return (
        <Group gap={6} wrap="nowrap" component="span">
          <ColorSwatch component="span" color={said} size={14} aria-hidden />
          <code className="mono">{said}</code>
        </Group>
      )
    case 'rows':
      return <Lines field={field} record={record} scope={scope} />
    default:
      return <Code id={domId(scope, field.name)} text={pretty(value)} label={t(`desk.field.${field.name}`)} />
  }
}

function Lines({ field, record, scope }: ValueProps) {
  const { t } = useTranslation()
  const rows = record[field.name]
  if (!Array.isArray(rows) || !field.parts) return null
  const parts = field.parts.filter(({ name }) => rows.some((row: Given) => !isEmpty(row[name])))
  return (
    <div className="scrolling" tabIndex={0} role="group" aria-label={t(`desk.field.${field.name}`)}>
      <Table className="rows changes" horizontalSpacing={6} aria-label={t(`desk.field.${field.name}`)} highlightOnHover={false}>
        <Table.Thead>
          <Table.Tr>
            {parts.map((part) => (
              <Table.Th key={part.name}>{t(`desk.field.${part.name}`)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row: Given, index) => (
            <Table.Tr key={index}>
              {parts.map((part) => (
                <Table.Td key={part.name}>
                  {part.kind === 'flag' ? (
                    row[part.name] === true && <IconCheck size={15} aria-label={t('desk.yes')} />
                  ) : (
                    <Value field={part} record={{ ...record, ...row }} scope={domId(scope, field.name, index)} />
                  )}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}
