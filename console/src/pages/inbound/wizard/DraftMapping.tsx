// The last step: an action, and a mapping that the sample's names suggest, to be looked over and saved.
import { Button, Group, Stack, Text } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { type InboundAction, type InboundWebhook, actionsQuery, inboundWebhookQuery, sampleQuery, useSaveInbound } from '../../../api/inbound'
import { Loading } from '../../../ui/Loading'
import { Notice } from '../../../ui/Notice'
import { tell } from '../../../ui/notify'
import { useProblems } from '../../../ui/useProblems'
import { HandlerFields } from '../HandlerFields'
import { type Values, fields, inputOf, valuesOf } from '../inboundValues'
import { newRule } from '../ruleValues'
import { draftMapping } from './draft'

const FIRST = 'createTicket'

export function DraftMapping({ id, onDone }: { id: string; onDone: () => void }) {
  const webhook = useQuery(inboundWebhookQuery(id))
  const sample = useQuery(sampleQuery(id))
  const actions = useQuery(actionsQuery)
  const error = webhook.error ?? sample.error ?? actions.error
  if (error) return <Notice id="wizard-draft-problem" error={error} />
  if (!webhook.data || !sample.data || !actions.data) return <Loading />
  return <Draft webhook={webhook.data} document={sample.data.document} actions={actions.data.data} onDone={onDone} />
}

type Props = { webhook: InboundWebhook; document: unknown; actions: InboundAction[]; onDone: () => void }

function Draft({ webhook, document, actions, onDone }: Props) {
  const { t } = useTranslation()
  const save = useSaveInbound(webhook.id)
  const action = actions.find(({ name }) => name === FIRST) ?? actions[0]
  const mapping = action ? draftMapping(action, document) : {}
  const form = useForm<Values>({
    initialValues: { ...valuesOf(webhook), rules: [newRule({ action: action?.name ?? '', mapping })] },
  })
  const rest = useProblems(form, save.error, fields)
  const submit = form.onSubmit((values) =>
    save.mutate({ ...inputOf(values, webhook), key: webhook.id }, { onSuccess: () => [tell(t('destinationForm.saved')), onDone()] }),
  )
  return (
    <form id="wizard-form" onSubmit={submit} noValidate>
      <Stack gap="md">
        <Text size="sm">{Object.keys(mapping).length > 0 ? t('wizard.drafted') : t('wizard.notDrafted')}</Text>
        <HandlerFields form={form} webhook={webhook} />
        {rest && <Notice id="wizard-save-problem" error={save.error} />}
        <Group justify="end">
          <Button id="wizard-later" variant="default" onClick={onDone}>
            {t('wizard.later')}
          </Button>
          <Button id="wizard-save" type="submit" loading={save.isPending}>
            {t('common.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
