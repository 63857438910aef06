import { expect, test } from 'vitest'

import { bearing, duration, eventName, words } from '../src/shell/words'
import { judgeReason } from '../src/board/reason'

test('codes become words', () => {
  expect(words('station_commander')).toBe('Station commander')
  expect(words('lasd_west_hollywood')).toBe('LASD West Hollywood')
  expect(eventName('org.weho.safer.flight.drone_launched.v1')).toBe('Drone launched')
  expect(eventName('flight.drone_launched')).toBe('Drone launched')
})

test('durations have at most two units', () => {
  expect([0, 59_999, 125_000, 3_840_000, 200 * 3_600_000].map(duration)).toEqual([
    '0 s',
    '59 s',
    '2 min 05 s',
    '1 h 04 min',
    '8 days',
  ])
})

test('bearings are three digits and a point of the compass', () => {
  expect([0, 44.6, 359.6, -90].map(bearing)).toEqual(['000° N', '045° NE', '000° N', '270° W'])
})

test.each(['', '  ', 'investigation', 'Police business', 'n/a', 'suspicious activity', 'robbery'])(
  '%j does not say enough',
  (reason) => {
    expect(judgeReason(reason).good).toBe(false)
  },
)

test('a reason that says what happened is good', () => {
  expect(judgeReason('Two cars collided, driver trapped; is there fire?').good).toBe(true)
})
