import type { ReactNode } from 'react'

import { Copy } from './Copy'
import { domId } from './domId'

/** Names and values. A value that is absent leaves no row. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {rows.map(
        ([name, value]) =>
          value !== undefined &&
          value !== null && (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

/** An identifier to be carried elsewhere. */
export function Ident({ id, name, scope }: { id: string; name: string; scope: string }) {
  return (
    <span style={{ display: 'inline-flex', gap: 4, alignItems: 'start' }}>
      <code className="mono">{id}</code>
      <Copy id={domId(scope, name, 'copy')} text={id} what={`${name} ${id}`} />
    </span>
  )
}
