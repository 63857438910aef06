import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { Camera } from '../src/board/cameras'
import { found, offeredCamera } from '../src/cameras/feeds'
import { addressOf, columns, Wall } from '../src/cameras/wall'
import { NOTHING_STATED } from '../src/forms/grounds'

const view = (id: string) => ({
  id,
  feed: { feed: `camera-${id}`, name: id, kind: 'camera' as const },
  stated: NOTHING_STATED,
})
const camera: Camera = {
  id: 'plummer',
  feed: 'camera-plummer',
  name: 'Plummer Park',
  place: { latitude: 34.09, longitude: -118.35 },
  bearingDeg: 270,
  fieldOfView: null,
  health: 'online',
  outage: null,
  watchers: 2,
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('a picture that is taken off the wall is watched no more', () => {
  const close = vi.fn()
  const wall = new Wall(close)
  wall.add(view('a'))
  wall.add(view('b'))
  wall.remove('a')
  expect(close).toHaveBeenCalledExactlyOnceWith('a')
  expect(wall.views().map(({ id }) => id)).toEqual(['b'])
})

test('a view that has ended is not ended again', () => {
  const close = vi.fn()
  const wall = new Wall(close)
  wall.add(view('a'))
  wall.remove('a', true)
  expect(close).not.toHaveBeenCalled()
})

test('leaving the wall ends every view', () => {
  const close = vi.fn()
  const wall = new Wall(close)
  wall.add(view('a'))
  wall.add(view('b'))
  wall.leave()
  vi.runAllTimers()
  expect(close.mock.calls).toEqual([['a'], ['b']])
  expect(wall.views()).toEqual([])
})

test('who comes back at once has left nothing', () => {
  const close = vi.fn()
  const wall = new Wall(close)
  wall.add(view('a'))
  wall.leave()
  wall.stay()
  vi.runAllTimers()
  expect(close).not.toHaveBeenCalled()
})

test('nine pictures stand in three columns', () => {
  expect([1, 2, 4, 5, 9].map(columns)).toEqual([1, 2, 2, 3, 3])
})

test('a camera is found by any of its words', () => {
  const offered = [offeredCamera(camera), offeredCamera({ ...camera, feed: 'camera-x', name: 'City Hall' })]
  expect(found(offered, 'park WEST').map(({ name }) => name)).toEqual(['Plummer Park'])
  expect(found(offered, '')).toHaveLength(2)
})

test('a camera without a picture says so', () => {
  expect(offeredCamera(camera).trouble).toBeUndefined()
  expect(offeredCamera({ ...camera, health: 'offline' }).trouble).toBe('no picture now')
})

test('an address opens the form for a feed, and for its call', () => {
  expect(addressOf('flight-7', '26-1')).toBe('/cameras?feed=flight-7&call=26-1')
  expect(addressOf('camera-a b', null)).toBe('/cameras?feed=camera-a+b')
})
