/** Stretches of time: as they are sent, as they are shown, and as they lie on a track. */
import { cityFormat } from '../shell/city-time'
import { duration } from '../shell/words'

export type Stretch = { since: number; until: number }

/**
 * As it is sent: RFC 3339, UTC. Footage begins and ends between two milliseconds: where a stretch touches its ends, these
 * are meant, and not what a page can say of them.
 */
export function isoOf(
  { since, until }: Stretch,
  footage?: { since: string; until: string },
): { since: string; until: string } {
  const said = (at: number, end: string | undefined) =>
    end !== undefined && Date.parse(end) === at ? end : new Date(at).toISOString()
  return { since: said(since, footage?.since), until: said(until, footage?.until) }
}

const clock = cityFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** `06:00:05 to 06:12:00, 11 min 55 s`. */
export function spanned({ since, until }: Stretch): string {
  return `${clock.format(since)} to ${clock.format(until)}, ${duration(until - since)}`
}

/** The part of `one` that is within `other`. */
export function within(one: Stretch, other: Stretch): Stretch | undefined {
  const since = Math.max(one.since, other.since)
  const until = Math.min(one.until, other.until)
  return since < until ? { since, until } : undefined
}

/** What of `whole` no part covers, in order. */
export function gaps(whole: Stretch, parts: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = []
  let reached = whole.since
  for (const part of parts.toSorted((a, b) => a.since - b.since)) {
    if (part.since > reached) found.push({ since: reached, until: Math.min(part.since, whole.until) })
    reached = Math.max(reached, part.until)
  }
  if (reached < whole.until) found.push({ since: reached, until: whole.until })
  return found.filter(({ since, until }) => since < until)
}

/** Overlapping and touching stretches as one, in order; a hundredth of a second apart is touching. */
export function joined(parts: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = []
  for (const part of parts.toSorted((a, b) => a.since - b.since)) {
    const last = found.at(-1)
    if (last && part.since <= last.until + 10) last.until = Math.max(last.until, part.until)
    else found.push({ ...part })
  }
  return found
}

export function length(parts: readonly Stretch[]): number {
  return parts.reduce((sum, { since, until }) => sum + until - since, 0)
}

/** Where a time lies on a track, in per cent of its width. */
export function share(at: number, { since, until }: Stretch): number {
  return (100 * (Math.min(Math.max(at, since), until) - since)) / (until - since)
}
