/** How a live picture stays at the edge of what has come: never more than two seconds behind, without jumping about. */

/** Seconds behind the newest picture from which it is jumped to, and from which it is played a little faster. */
const JUMP_S = 1.5
const HURRY_S = 0.7
/** Where to land: one fragment is half a second at most, so the next one comes before this runs out. */
const LAND_S = 0.4
const HURRY = 1.1

export type Range = { start: number; end: number }
export type Step = { seek: number | undefined; rate: number }

/** `ranges`: what has come, in order, in seconds; `at`: where the picture is. */
export function follow(ranges: readonly Range[], at: number): Step {
  const newest = ranges.at(-1)
  if (!newest) return { seek: undefined, rate: 1 }
  const landing = Math.max(newest.start, newest.end - LAND_S)
  const within = ranges.some(({ start, end }) => at >= start - 0.05 && at <= end + 0.05)
  if (!within || newest.end - at > JUMP_S) return { seek: landing, rate: 1 }
  return { seek: undefined, rate: newest.end - at > HURRY_S ? HURRY : 1 }
}

/** Seconds kept behind the picture; what is older is let go of. */
const KEPT_S = 6

/** What to let go of, or undefined. Not every time: each removal makes the next fragment wait. */
export function outdated(ranges: readonly Range[], at: number): Range | undefined {
  const oldest = ranges[0]
  if (!oldest || at - oldest.start < 2 * KEPT_S) return undefined
  return { start: oldest.start, end: at - KEPT_S }
}
