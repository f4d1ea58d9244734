// The story drawn from left to right. Loaded when it is drawn; on narrow screens it is a list instead.
import '@xyflow/react/dist/style.css'

import { useComputedColorScheme } from '@mantine/core'
import { IconMaximize, IconMinus, IconPlus } from '@tabler/icons-react'
import {
  Background,
  ControlButton,
  Controls,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  useReactFlow,
} from '@xyflow/react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'

import { domId } from '../../ui/domId'
import { StoryCard } from './StoryCard'
import { type Story, type StoryNode, columns } from './story'

const COLUMN = 236
const ROW = 98

type CardNode = Node<{ node: StoryNode; used: string }, 'card'>

function Card({ data }: NodeProps<CardNode>) {
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <StoryCard node={data.node} />
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  )
}

// The library's own buttons have no ids, and speak English alone.
function Zoom() {
  const { t } = useTranslation()
  const { zoomIn, zoomOut, fitView } = useReactFlow()
  const buttons = [
    { id: 'story-zoom-in', label: t('story.zoomIn'), icon: <IconPlus />, act: () => zoomIn() },
    { id: 'story-zoom-out', label: t('story.zoomOut'), icon: <IconMinus />, act: () => zoomOut() },
    { id: 'story-show-all', label: t('story.showAll'), icon: <IconMaximize />, act: () => fitView() },
  ]
  return (
    <Controls showZoom={false} showFitView={false} showInteractive={false}>
      {buttons.map(({ id, label, icon, act }) => (
        <ControlButton key={id} id={id} title={label} aria-label={label} onClick={() => void act()}>
          {icon}
        </ControlButton>
      ))}
    </Controls>
  )
}

const kinds = { card: Card }

export default function StoryGraph({ story, label }: { story: Story; label: string }) {
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => {
    // Columns that nothing is in take no room.
    const used = columns.filter((column) => story.nodes.some((node) => node.column === column))
    return {
      nodes: story.nodes.map((node): CardNode => {
        const position = { x: used.indexOf(node.column) * COLUMN, y: node.row * ROW }
        return { id: node.id, type: 'card', position, data: { node, used: used.join() }, focusable: false }
      }),
      edges: story.edges.map(({ from, to }) => ({ id: domId('edge', from, to), source: from, target: to, focusable: false })),
    }
  }, [story])
  const rows = Math.max(...story.nodes.map(({ row }) => row)) + 1
  return (
    <div style={{ height: Math.min(560, Math.max(180, rows * ROW + 40)) }} className="story" aria-label={label} role="group">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={kinds}
        colorMode={scheme}
        fitView
        // Links must not become too small to be hit.
        fitViewOptions={{ padding: 0.08, minZoom: 0.85, maxZoom: 1 }}
        minZoom={0.3}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        preventScrolling={false}
        zoomOnScroll={false}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={18} />
        {rows > 5 && <Zoom />}
      </ReactFlow>
    </div>
  )
}
