// Several things in one request: the expression that gives their list.
import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { InboundPreview } from '../../api/inbound'
import { ExpressionEditor } from '../../ui/editor/ExpressionEditor'
import type { Insert } from '../../ui/editor/JsonataEditor'
import type { InboundFormApi } from './InboundForm'

type Props = {
  form: InboundFormApi
  preview: InboundPreview | undefined
  onFocus: (field: string, insert: Insert) => void
}

export function SplitField({ form, preview, onFocus }: Props) {
  const { t } = useTranslation()
  const { split } = form.values
  const wrong = form.errors.split
  return (
    <div>
      <ExpressionEditor
        id="inbound-form-split"
        label={t('inboundForm.split')}
        description={t('inboundForm.splitHint')}
        value={split}
        {...(typeof wrong === 'string' ? { fault: { detail: wrong } } : {})}
        onFocus={(insert) => onFocus(t('inboundForm.split'), insert)}
        onChange={(text) => form.setFieldValue('split', text)}
      />
      {split.trim() && typeof preview?.parts === 'number' && (
        <Text size="xs" c="dimmed" mt={4} id="inbound-form-split-parts">
          {t('inboundForm.parts', { count: preview.parts })}
        </Text>
      )}
    </div>
  )
}
