/** A player counts from 0 and leaves gaps out; footage has times of day. Which is which follows from its segments. */
import type { Stretch } from './times'

/** A segment: where in the player it begins, in seconds, and when it was taken, in milliseconds since 1970. */
export type Segment = { start: number; duration: number; at: number }

/** When the picture at `time` of the player was taken. */
export function takenAt(segments: readonly Segment[], time: number): number | undefined {
  let found = segments[0]
  for (const segment of segments) {
    if (segment.start > time) break
    found = segment
  }
  if (!found) return undefined
  return found.at + 1000 * Math.min(Math.max(0, time - found.start), found.duration)
}

/** Where in the player what was taken at `at` is; in a gap: what comes next; undefined after the end. */
export function placeOf(segments: readonly Segment[], at: number): number | undefined {
  for (const { start, duration, at: taken } of segments) {
    if (at < taken) return start
    if (at < taken + 1000 * duration) return start + (at - taken) / 1000
  }
  return undefined
}

export function stretchOf({ at, duration }: Segment): Stretch {
  return { since: at, until: at + 1000 * duration }
}
