/** What the media process says beside the pictures, as JSON in text messages. */

export type Reason = { code: string; message: string; rule: string; field: string | null; accepted: string | null }

export type Told =
  /** Before each init segment: what follows. */
  | { type: 'picture'; mime: string; masked: boolean }
  /** About the view, at once and whenever it changes. */
  | { type: 'view'; until: string | null; watchers: number; masked: boolean }
  /** The camera is away; the view goes on, and a `picture` follows when it is back. */
  | { type: 'stalled'; message: string }
  /** Nothing follows on this connection. */
  | { type: 'end'; reason: Reason }

const KNOWN: ReadonlySet<unknown> = new Set(['picture', 'view', 'stalled', 'end'])

/** Undefined for what a later media process may say and this page does not know. */
export function read(text: string): Told | undefined {
  let told: unknown
  try {
    told = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof told !== 'object' || told === null || !('type' in told)) return undefined
  return KNOWN.has(told.type) ? (told as Told) : undefined
}

/** What another connection, with another token, may cure: the token came too late, or the store was away. */
export function mayPass(reason: Reason): boolean {
  return reason.code.startsWith('token_') || reason.code.endsWith('_unavailable') || reason.code === 'too_slow'
}
