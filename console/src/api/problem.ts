// What went wrong, as the server's problem documents (RFC 9457) tell it.
import type { components } from './schema'

type Document = Partial<components['schemas']['Problem']>
export type FieldProblem = { field: string; detail: string }

export class Problem extends Error {
  /** HTTP status; 0 where the server was not reached. */
  readonly status: number
  readonly code: string
  readonly detail: string | undefined
  readonly requestId: string | undefined
  readonly fields: FieldProblem[]

  constructor(status: number, document: Document = {}, requestId?: string) {
    super(document.detail ?? document.title ?? String(status))
    this.status = status
    this.code = document.code ?? ''
    this.detail = document.detail ?? document.title ?? undefined
    this.requestId = document.request_id ?? requestId
    this.fields = document.errors ?? []
  }

  /** What to say beside one input. */
  at(field: string): string | undefined {
    const found = this.fields.filter((problem) => problem.field === field)
    return found.length > 0 ? found.map((problem) => problem.detail).join(' ') : undefined
  }
}

export function problemOf(response: Response, body: unknown): Problem {
  const document = typeof body === 'object' && body !== null ? (body as Document) : {}
  return new Problem(response.status, document, response.headers.get('x-request-id') ?? undefined)
}

/** Whether asking again may help: the server was not reached, or the fault is its own. */
export const mayPass = (error: unknown) => error instanceof Problem && (error.status === 0 || error.status >= 502)
