/** Footage as it is found: what of it can be seen, and what is proposed of it. */
import type { FootageOfQuery } from '../graphql/generated/graphql'
import { type Stretch, within } from './times'

export type Recording = FootageOfQuery['footage'][number]
/** A stretch as it was told, RFC 3339: its ends are sent back as they came. */
export type Part = { since: string; until: string }

export const stretchOf = ({ since, until }: Part): Stretch => ({ since: Date.parse(since), until: Date.parse(until) })

/** What of it can be seen: all of it, or what legal holds keep of what was destroyed. */
export function seeable(recording: Pick<Recording, 'state' | 'left'> & Part): readonly Part[] {
  switch (recording.state) {
    case 'kept':
      return [recording]
    case 'held':
      return recording.left
    default:
      return []
  }
}

/** What is proposed when it is chosen: the first part that lies in the time that was sought, or the first at all. */
export function proposed(parts: readonly Part[], sought: Stretch): { part: Part; range: Stretch } | undefined {
  for (const part of parts) {
    const range = within(stretchOf(part), sought)
    if (range) return { part, range }
  }
  const [part] = parts
  return part && { part, range: stretchOf(part) }
}
