/** What may be asked for: the cameras that are up, and the drones in the air. */
import { useEffect, useState } from 'react'

import { type Camera, followCameras } from '../board/cameras'
import { useBoard } from '../board/live'
import type { Board } from '../board/store'
import { mayBeAirborne } from '../board/timeline'
import { useViewer } from '../shell/viewer'
import { words } from '../shell/words'
import type { Feed } from './wall'

export type Offered = Feed & {
  /** Why there is no picture of it now. */
  trouble: string | undefined
  watchers: number | undefined
  /** What it is doing, or where it looks. */
  about: string
}

const aloft = (board: Board) =>
  board.flights.filter(mayBeAirborne).map((flight) => ({
    id: flight.id,
    state: flight.state,
    purpose: flight.purpose,
    call: flight.callNumber,
    pilot: flight.pilot.id,
    registration: board.drones.find((each) => each.id === flight.droneId)?.registration ?? flight.droneId,
  }))

const TROUBLE: Record<string, string> = { offline: 'no picture now', never_seen: 'no picture yet' }
const SIDES = ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west']

export function offeredCamera(camera: Camera): Offered {
  const side = SIDES[Math.round(camera.bearingDeg / 45) % 8] ?? 'north'
  return {
    feed: camera.feed,
    name: camera.name,
    kind: 'camera',
    trouble: TROUBLE[camera.health],
    watchers: camera.watchers,
    about: `looks ${side}`,
  }
}

/** Undefined until it is known. The watch sees all; a pilot the flights that he commands. */
export function useOffered(): readonly Offered[] | undefined {
  const viewer = useViewer()
  const browses = viewer.can('request_viewing')
  const [cameras, setCameras] = useState<readonly Camera[]>()
  useEffect(() => (browses ? followCameras(setCameras) : undefined), [browses])
  const flights = useBoard(aloft)
  if (browses && !cameras) return undefined
  const drones = (flights ?? [])
    .filter((flight) => browses || flight.pilot === viewer.id)
    .map((flight): Offered => ({
      feed: `flight-${flight.id}`,
      name: `Drone ${flight.registration}`,
      kind: 'drone',
      trouble: undefined,
      watchers: undefined,
      about: [words(flight.state), words(flight.purpose).toLowerCase(), flight.call].filter(Boolean).join(' · '),
    }))
  return [...drones, ...(browses ? (cameras ?? []).map(offeredCamera) : [])]
}

/** Those whose name or doings have every word of `sought`. */
export function found(offered: readonly Offered[], sought: string): Offered[] {
  const parts = sought.toLowerCase().split(/\s+/).filter(Boolean)
  return offered.filter(({ name, about, feed }) => {
    const text = `${name} ${about} ${feed}`.toLowerCase()
    return parts.every((part) => text.includes(part))
  })
}
