import { expect, test } from 'vitest'

import { refusalIn } from '../src/footage/refusal'
import { placeOf, takenAt } from '../src/footage/segments'
import { gaps, isoOf, joined, length, share, within } from '../src/footage/times'

// Two runs with a gap of ten seconds, which the player leaves out.
const segments = [
  { start: 0, duration: 2, at: 10_000 },
  { start: 2, duration: 2, at: 12_000 },
  { start: 4, duration: 2, at: 24_000 },
]

test('the time of a picture is that of its segment, also behind a gap', () => {
  expect(takenAt(segments, 0.5)).toBe(10_500)
  expect(takenAt(segments, 3)).toBe(13_000)
  expect(takenAt(segments, 4.5)).toBe(24_500)
  expect(takenAt([], 1)).toBeUndefined()
})

test('a time in a gap leads to what comes next', () => {
  expect(placeOf(segments, 12_500)).toBe(2.5)
  expect(placeOf(segments, 20_000)).toBe(4)
  expect(placeOf(segments, 30_000)).toBeUndefined()
})

test('what is missing of a stretch is found', () => {
  const parts = [
    { since: 10, until: 20 },
    { since: 30, until: 60 },
  ]
  expect(gaps({ since: 0, until: 50 }, parts)).toEqual([
    { since: 0, until: 10 },
    { since: 20, until: 30 },
  ])
  expect(gaps({ since: 0, until: 5 }, [])).toEqual([{ since: 0, until: 5 }])
})

test('what was sent twice counts once', () => {
  const sent = joined([
    { since: 2_000, until: 4_000 },
    { since: 0, until: 2_000 },
    { since: 3_000, until: 5_000 },
    { since: 9_000, until: 10_000 },
  ])
  expect(sent).toEqual([
    { since: 0, until: 5_000 },
    { since: 9_000, until: 10_000 },
  ])
  expect(length(sent)).toBe(6_000)
})

test('a stretch is cut to the footage', () => {
  expect(within({ since: 0, until: 10 }, { since: 5, until: 20 })).toEqual({ since: 5, until: 10 })
  expect(within({ since: 0, until: 5 }, { since: 5, until: 20 })).toBeUndefined()
  expect(share(15, { since: 10, until: 20 })).toBe(50)
})

test('a refusal is read out of an answer', () => {
  const said = {
    code: 'footage_destroyed',
    message: 'it was destroyed',
    rule: 'retention',
    field: null,
    accepted: null,
  }
  expect(refusalIn(JSON.stringify(said))).toEqual(said)
  expect(refusalIn('<html>')).toBeUndefined()
})

test('where a stretch touches the ends of the footage, these are sent to the microsecond', () => {
  const footage = { since: '2026-11-26T06:23:51.123456Z', until: '2026-11-26T06:25:00.654321Z' }
  const whole = { since: Date.parse(footage.since), until: Date.parse(footage.until) }
  expect(isoOf(whole, footage)).toEqual(footage)
  expect(isoOf({ ...whole, since: whole.since + 1_000 }, footage).since).toBe('2026-11-26T06:23:52.123Z')
})
