import { expect, test } from 'vitest'

import { freshness, telemetryAge } from '../src/board/freshness'
import type { Link } from '../src/graphql/link-state'
import { LinkState } from '../src/graphql/link-state'

const open: Link = { state: 'open', since: 0, retryAt: undefined }

test('a sample seen for the first time is not new when the clocks say that it is old', () => {
  expect(telemetryAge(0, 1_000, 1_000, 60_000)).toBe(60_000)
})

test('clocks that differ by less than a second do not make a sample old', () => {
  expect(telemetryAge(0, 1_000, 1_100, 900)).toBe(100)
})

test('a clock that is behind does not make a sample young', () => {
  expect(telemetryAge(100_000, 0, 4_000, 50_000)).toBe(4_000)
})

test('before the first message the board waits', () => {
  expect(freshness(open, undefined, undefined, 10)).toEqual({ kind: 'waiting' })
})

test('a board that is told is live, or so many events behind', () => {
  expect(freshness(open, 0, 1_000, 2_000)).toEqual({ kind: 'live' })
  expect(freshness(open, 4, 1_000, 2_000)).toEqual({ kind: 'behind', events: 4 })
})

test('a closed connection is said to be lost since the last message', () => {
  const closed: Link = { state: 'closed', since: 5_000, retryAt: 9_000 }
  expect(freshness(closed, 0, 4_000, 8_000)).toEqual({ kind: 'lost', sinceMs: 4_000, retryInMs: 1_000 })
})

test('an open connection that says nothing for long is not live', () => {
  expect(freshness(open, 0, 1_000, 8_000)).toEqual({ kind: 'lost', sinceMs: 7_000, retryInMs: undefined })
})

test('while connecting again the connection stays lost', () => {
  const link = new LinkState()
  link.set('open')
  link.set('closed')
  link.set('connecting')
  expect(link.get().state).toBe('closed')
  link.set('open')
  expect(link.get().state).toBe('open')
})
