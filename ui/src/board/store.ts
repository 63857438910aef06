/**
 * The board as the API last told it, split so that a moving drone re-renders only its own figures.
 *
 * Snapshots come whole, up to ten times a second. What did not change keeps its identity, so a component that
 * selected it is left alone; telemetry lives beside the snapshot, with listeners of its own per drone.
 */
import type { BoardFlightFragment, BoardSubscription, DroneTelemetryFragment } from '../graphql/generated/graphql'
import { telemetryAge } from './freshness'
import { serverNow } from '../shell/clock'

type Told = BoardSubscription['board']
export type Call = Told['calls'][number]
export type Dock = Told['docks'][number]
export type Drone = Omit<Told['drones'][number], 'telemetry'>
export type Flight = BoardFlightFragment
export type Telemetry = DroneTelemetryFragment
export type Progress = { position: number; lag: number; appliedAt: string | null }

export type Board = {
  progress: Progress
  incompleteStreams: readonly string[]
  calls: readonly Call[]
  docks: readonly Dock[]
  drones: readonly Drone[]
  flights: readonly Flight[]
}

/** A sample with the moment this page first saw it (`performance.now()`). */
export type Sample = { telemetry: Telemetry; seenAt: number }

type Listener = () => void

/** Returns `before` wherever `next` says the same, deep down; `next` otherwise. */
export function share<T>(before: T, next: T): T {
  if (Object.is(before, next)) return before
  if (typeof before !== 'object' || typeof next !== 'object' || before === null || next === null) return next
  if (Array.isArray(before) !== Array.isArray(next)) return next
  if (Array.isArray(next)) {
    const old = before as unknown[]
    const merged = next.map((each, index) => share(old[index], each))
    return (merged.length === old.length && merged.every((each, index) => each === old[index]) ? before : merged) as T
  }
  const old = before as Record<string, unknown>
  const fresh = next as Record<string, unknown>
  const keys = Object.keys(fresh)
  const merged: Record<string, unknown> = {}
  let same = keys.length === Object.keys(old).length
  for (const key of keys) {
    merged[key] = share(old[key], fresh[key])
    same &&= merged[key] === old[key]
  }
  return (same ? before : merged) as T
}

export class BoardStore {
  #board: Board | undefined
  #receivedAt: number | undefined
  readonly #samples = new Map<string, Sample>()
  readonly #boardListeners = new Set<Listener>()
  readonly #telemetryListeners = new Set<(drone: string, sample: Sample) => void>()

  readonly board = (): Board | undefined => this.#board

  /** When the last message came (`performance.now()`), or undefined before the first. */
  readonly receivedAt = (): number | undefined => this.#receivedAt

  readonly sample = (drone: string): Sample | undefined => this.#samples.get(drone)

  readonly subscribe = (listener: Listener): (() => void) => {
    this.#boardListeners.add(listener)
    return () => this.#boardListeners.delete(listener)
  }

  /** Hears every new sample of every drone. */
  readonly subscribeTelemetry = (listener: (drone: string, sample: Sample) => void): (() => void) => {
    this.#telemetryListeners.add(listener)
    return () => this.#telemetryListeners.delete(listener)
  }

  /** Milliseconds since the drone was really heard, or undefined when it never was. */
  age(drone: string, now: number = performance.now(), wall: number = serverNow()): number | undefined {
    const sample = this.#samples.get(drone)
    return sample && telemetryAge(Date.parse(sample.telemetry.at), sample.seenAt, now, wall)
  }

  receive(told: Told, now: number = performance.now()): void {
    this.#receivedAt = now
    const drones = told.drones.map(({ telemetry, ...drone }) => {
      if (telemetry) this.#hear(drone.id, telemetry, now)
      else this.#samples.delete(drone.id)
      return drone
    })
    const next: Board = {
      progress: { position: told.position, lag: told.lag, appliedAt: told.appliedAt },
      incompleteStreams: told.incompleteStreams,
      calls: told.calls,
      docks: told.docks,
      drones,
      flights: told.flights,
    }
    const merged = share(this.#board, next)
    if (merged === this.#board) return
    this.#board = merged
    for (const listener of this.#boardListeners) listener()
  }

  #hear(drone: string, telemetry: Telemetry, now: number): void {
    const before = this.#samples.get(drone)
    const shared = share(before?.telemetry, telemetry) ?? telemetry
    if (before && shared === before.telemetry) return
    const sample = { telemetry: shared, seenAt: before?.telemetry.at === shared.at ? before.seenAt : now }
    this.#samples.set(drone, sample)
    for (const listener of this.#telemetryListeners) listener(drone, sample)
  }
}
