/** A flight's way through its states, as the steps that a card shows. */
import type { Flight } from './store'

export type Step = { name: string; at: string | null; state: 'done' | 'now' | 'next' | 'ended' }

const ENDED: Record<string, string> = {
  refused: 'Refused',
  aborted: 'Aborted',
  lapsed: 'Lapsed',
  withdrawn: 'Withdrawn',
}

/** States in which a drone may be in the air: safety orders are offered in all of them. */
const MAY_BE_AIRBORNE = new Set(['authorised', 'en_route', 'on_scene', 'returning', 'holding', 'landing', 'aborted'])

export function mayBeAirborne(flight: Pick<Flight, 'state' | 'landedAt'>): boolean {
  return flight.landedAt === null && MAY_BE_AIRBORNE.has(flight.state)
}

export function isOver(flight: Pick<Flight, 'state' | 'landedAt'>): boolean {
  return flight.landedAt !== null || ['landed', 'refused', 'lapsed', 'withdrawn'].includes(flight.state)
}

/** Requested → Authorised → Airborne → On scene → Home; a flight that ended before shows where and how. */
export function timeline(
  flight: Pick<
    Flight,
    'state' | 'requestedAt' | 'authorisedAt' | 'launchedAt' | 'arrivedAt' | 'returnOrderedAt' | 'landedAt'
  >,
): Step[] {
  const onItsWay = flight.state === 'returning' && flight.landedAt === null
  const way: [string, string | null][] = [
    ['Requested', flight.requestedAt],
    ['Authorised', flight.authorisedAt],
    ['Airborne', flight.launchedAt],
    ['On scene', flight.arrivedAt],
    onItsWay ? ['Returning', flight.returnOrderedAt] : ['Home', flight.landedAt],
  ]
  const ended = ENDED[flight.state]
  if (ended && flight.landedAt === null) {
    const reached = way.filter(([, at]) => at !== null)
    return [
      ...reached.map(([name, at]): Step => ({ name, at, state: 'done' })),
      { name: ended, at: null, state: 'ended' },
    ]
  }
  const reached = onItsWay ? way.length - 1 : way.findLastIndex(([, at]) => at !== null)
  return way.map(([name, at], index) => {
    // A flight called home before it arrived has no arrival: that step stays open, not 'now'.
    const done = index < reached || (index === reached && flight.landedAt !== null)
    return { name, at, state: index === reached && !done ? 'now' : at !== null && done ? 'done' : 'next' }
  })
}
