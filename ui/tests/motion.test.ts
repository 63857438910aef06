import { expect, test } from 'vitest'

import { metres, nextLeg, poseAt, turn } from '../src/board/motion'

const here = { longitude: -118.37, latitude: 34.09, headingDeg: 350 }
const there = { longitude: -118.36, latitude: 34.09, headingDeg: 10 }

test('a turn goes the short way round', () => {
  expect(turn(350, 10)).toBe(20)
  expect(turn(10, 350)).toBe(-20)
  expect(turn(0, 180)).toBe(180)
})

test('the first sample is drawn where it is', () => {
  expect(poseAt(nextLeg(undefined, here, 0), 0)).toEqual(here)
})

test('the second sample is reached after as long as it took to come', () => {
  const leg = nextLeg(nextLeg(undefined, here, 0), there, 100)
  expect(poseAt(leg, 100)).toEqual(here)
  const half = poseAt(leg, 150)
  expect(half.longitude).toBeCloseTo(-118.365, 9)
  expect(half.headingDeg).toBeCloseTo(0, 9)
  expect(poseAt(leg, 200)).toEqual(there)
})

test('nothing is drawn beyond what was heard', () => {
  const leg = nextLeg(nextLeg(undefined, here, 0), there, 100)
  expect(poseAt(leg, 60_000)).toEqual(there)
})

test('after a long silence the drone is drawn at once where it is', () => {
  const leg = nextLeg(nextLeg(undefined, here, 0), there, 60_000)
  expect(poseAt(leg, 60_000)).toEqual(there)
})

test('metres: a hundredth of a degree of longitude here is 922 m', () => {
  expect(metres(here, there)).toBeCloseTo(921.9, 0)
})
