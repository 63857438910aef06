import { expect, test } from 'vitest'

import { read, typed } from '../src/shell/city-time'
import { momentOf } from '../src/shell/words'

test.each([
  ['2026-11-23T14:00:05Z', '2026-11-23T06:00:05'], // standard time
  ['2026-07-04T06:59:59Z', '2026-07-03T23:59:59'], // summer time
])('%s is typed and shown as the clocks of the city say, to the second', (iso, local) => {
  expect(typed(Date.parse(iso))).toBe(local)
  expect(momentOf(iso)).toBe(local.replace('T', ' '))
  expect(read(local)).toBe(Date.parse(iso))
})

test('whole minutes may be typed without their seconds, and what is no time is none', () => {
  expect(read('2026-11-23T06:00')).toBe(Date.parse('2026-11-23T14:00:00Z'))
  expect(['', '2026-11-23', 'yesterday'].map((each) => read(each))).toEqual([undefined, undefined, undefined])
})

test('of the hour that comes twice when the clocks go back, the one that lies in the footage is meant', () => {
  const [first, again] = [Date.parse('2026-11-01T08:30:00Z'), Date.parse('2026-11-01T09:30:00Z')]
  expect([typed(first), typed(again)]).toEqual(['2026-11-01T01:30:00', '2026-11-01T01:30:00'])
  expect(read('2026-11-01T01:30')).toBe(first)
  expect(read('2026-11-01T01:30', Date.parse('2026-11-01T09:00:00Z'))).toBe(again)
  expect(read('2026-11-01T02:30', Infinity)).toBe(Date.parse('2026-11-01T10:30:00Z')) // comes once
})

test('the hour that the clocks leave out is read as the time they show then', () => {
  expect(read('2026-03-08T02:30')).toBe(Date.parse('2026-03-08T10:30:00Z'))
})
