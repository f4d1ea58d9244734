// A sample as a tree. A click, or Enter, writes the place's path where the cursor was last.
import { Tree, type TreeNodeData, getTreeExpandedState, useTree } from '@mantine/core'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useMemo } from 'react'

import { domId } from '../../ui/domId'
import { type Branch, treeOf } from './mapping'

type Props = { document: unknown; label: string; onPick: (path: string) => void }

const nodesOf = (branches: Branch[]): TreeNodeData[] =>
  branches.map(({ name, path, sample, inside }) => ({
    value: path,
    label: name,
    nodeProps: { sample: inside.length > 0 ? '' : sample },
    ...(inside.length > 0 ? { children: nodesOf(inside) } : {}),
  }))

export function SampleTree({ document, label, onPick }: Props) {
  const data = useMemo(() => nodesOf(treeOf(document)), [document])
  const tree = useTree({ initialExpandedState: getTreeExpandedState(data, '*') })
  const { setExpandedState } = tree
  useEffect(() => {
    setExpandedState(getTreeExpandedState(data, '*'))
  }, [data, setExpandedState])
  function pressed(event: KeyboardEvent) {
    const path = (event.target as HTMLElement).dataset.value
    if (event.key !== 'Enter' || !path) return
    event.preventDefault()
    onPick(path)
  }
  return (
    <Tree
      className="sample-tree"
      aria-label={label}
      data={data}
      tree={tree}
      levelOffset={14}
      expandOnClick={false}
      onKeyDown={pressed}
      renderNode={({ node, expanded, hasChildren, elementProps }) => (
        <span {...elementProps} className="sample-node">
          <button
            id={domId('fold', node.value)}
            type="button"
            className="fold"
            tabIndex={-1}
            aria-hidden
            data-leaf={!hasChildren || undefined}
            onClick={() => tree.toggleExpanded(node.value)}
          >
            {hasChildren && (expanded ? <IconChevronDown size={13} /> : <IconChevronRight size={13} />)}
          </button>
          <button
            id={domId('insert', node.value)}
            type="button"
            className="plain"
            tabIndex={-1}
            aria-label={node.value}
            onClick={() => onPick(node.value)}
          >
            <code className="mono">{node.label}</code> <span className="faint">{String(node.nodeProps?.sample ?? '')}</span>
          </button>
        </span>
      )}
    />
  )
}
