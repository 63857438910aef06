/** Clocks of a page: the server's as far as HTTP tells it, and a tick for what shows an age. */
import { useSyncExternalStore } from 'react'

let offset = 0

/** Learns the server's clock from a Date header, which is cut to whole seconds. */
export function noteServerDate(date: string | null, now: number = Date.now()): void {
  const told = date === null ? Number.NaN : Date.parse(date)
  if (!Number.isNaN(told)) offset = now - (told + 500)
}

/** Milliseconds since 1970 by the server's clock, right to about a second. */
export function serverNow(now: number = Date.now()): number {
  return now - offset
}

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
let tick = 0

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    tick += 1
    for (const each of listeners) each()
  }, 500)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** Re-renders the caller twice a second; one timer serves them all. */
export function useTick(): number {
  return useSyncExternalStore(subscribe, () => tick)
}
