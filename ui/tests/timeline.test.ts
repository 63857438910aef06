import { expect, test } from 'vitest'

import { isOver, mayBeAirborne, timeline } from '../src/board/timeline'
import { sampleFlight } from './samples'

const at = '2026-11-23T06:00:00Z'
const said = (flight: ReturnType<typeof sampleFlight>) => timeline(flight).map((step) => `${step.name} ${step.state}`)

test('a requested flight waits for its authorisation', () => {
  expect(said(sampleFlight())).toEqual([
    'Requested now',
    'Authorised next',
    'Airborne next',
    'On scene next',
    'Home next',
  ])
})

test('a flight that was called home before it arrived has no arrival', () => {
  const flight = sampleFlight({ state: 'returning', authorisedAt: at, launchedAt: at, returnOrderedAt: at })
  expect(said(flight)).toEqual(['Requested done', 'Authorised done', 'Airborne done', 'On scene next', 'Returning now'])
})

test('a landed flight is home', () => {
  const flight = sampleFlight({ state: 'landed', authorisedAt: at, launchedAt: at, arrivedAt: at, landedAt: at })
  expect(said(flight).at(-1)).toBe('Home done')
  expect(isOver(flight)).toBe(true)
  expect(mayBeAirborne(flight)).toBe(false)
})

test('a refused flight ends where it was refused', () => {
  expect(said(sampleFlight({ state: 'refused' }))).toEqual(['Requested done', 'Refused ended'])
})

test.each(['authorised', 'en_route', 'on_scene', 'returning', 'holding', 'landing', 'aborted'])(
  'safety orders are offered while %s',
  (state) => {
    expect(mayBeAirborne(sampleFlight({ state }))).toBe(true)
  },
)

test.each(['requested', 'refused', 'lapsed', 'withdrawn', 'landed'])(
  'no drone of a flight that is %s is in the air',
  (state) => {
    expect(mayBeAirborne(sampleFlight({ state, landedAt: state === 'landed' ? at : null }))).toBe(false)
  },
)
