/** When what is on the board must not be taken for now. */
import type { Link } from '../graphql/link-state'

/** Telemetry older than this is shown as stale, in milliseconds. */
export const STALE_AFTER = 3_000

/** The server's clock is known to about a second (an HTTP date has no fractions). */
const CLOCK_DOUBT = 1_000

/**
 * Age of a sample in milliseconds: the time since it was first seen here, or what the clocks say if that is clearly
 * more. The first alone would call an old sample new when the page opens; the second alone would trust two clocks.
 */
export function telemetryAge(at: number, seenAt: number, now: number, wall: number): number {
  const byClocks = wall - at
  const bySight = now - seenAt
  return byClocks > bySight + CLOCK_DOUBT ? byClocks : Math.max(0, bySight)
}

/** The server says the board again at least every 2 s: this long without it is no longer live, in milliseconds. */
const SILENT_AFTER = 6_000

export type Freshness =
  | { kind: 'waiting' }
  | { kind: 'live' }
  | { kind: 'behind'; events: number }
  | { kind: 'lost'; sinceMs: number; retryInMs: number | undefined }

/** What the header says about the board as a whole. */
export function freshness(link: Link, lag: number | undefined, receivedAt: number | undefined, now: number): Freshness {
  if (link.state === 'closed') {
    const retryInMs = link.retryAt === undefined ? undefined : Math.max(0, link.retryAt - now)
    return { kind: 'lost', sinceMs: now - (receivedAt ?? link.since), retryInMs }
  }
  if (lag === undefined || receivedAt === undefined) return { kind: 'waiting' }
  if (now - receivedAt > SILENT_AFTER) return { kind: 'lost', sinceMs: now - receivedAt, retryInMs: undefined }
  return lag > 0 ? { kind: 'behind', events: lag } : { kind: 'live' }
}
