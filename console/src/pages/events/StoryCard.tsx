import { Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { isDeliveryState } from '../../api/deliveries'
import { paths } from '../../paths'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import type { StoryNode } from './story'

/** One station of the story: what it is, what became of it, and the way to more of it. */
export function StoryCard({ node }: { node: StoryNode }) {
  const { t } = useTranslation()
  const text = isDeliveryState(node.text) ? t(`state.${node.text}.label`) : node.text
  const title = node.column === 'attempt' ? t('attempt.number', { number: node.title }) : node.title
  return (
    <div className="story-card nopan" data-tone={node.tone}>
      <Text size="xs" c="dimmed">
        {t(`story.${node.column}`)}
        {node.at && (
          <>
            {', '}
            <Time at={node.at} />
          </>
        )}
      </Text>
      <Text size="sm" fw={600} truncate title={title}>
        <Lead node={node}>{title}</Lead>
      </Text>
      <Text size="xs" truncate title={text}>
        {text}
      </Text>
    </div>
  )
}

function Lead({ node, children }: { node: StoryNode; children: string }) {
  const id = domId('story', node.id)
  switch (node.leads?.kind) {
    case 'delivery':
      return (
        <Link id={id} to={paths.deliveries} search={{ delivery: node.leads.id }}>
          {children}
        </Link>
      )
    case 'event':
      return (
        <Link id={id} to={paths.events} search={{ event: node.leads.id }}>
          {children}
        </Link>
      )
    case 'webhook':
      return (
        <Link id={id} to={paths.inbound} search={{ webhook: node.leads.id }}>
          {children}
        </Link>
      )
    case 'record':
      return (
        <Link id={id} to={paths.record} params={{ id: node.leads.id }}>
          {children}
        </Link>
      )
    default:
      return children
  }
}
