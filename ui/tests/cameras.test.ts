import { expect, test } from 'vitest'

import { type Camera, described, fieldsOfView } from '../src/board/cameras'

const camera: Camera = {
  id: 'plummer',
  feed: 'camera-plummer',
  name: 'Plummer Park',
  place: { latitude: 34.0912, longitude: -118.3511 },
  bearingDeg: 270,
  fieldOfView: null,
  health: 'online',
  outage: null,
  watchers: 0,
}

test('a camera is told in words: where it looks, whether it works, who watches', () => {
  expect(described(camera)).toBe('Camera Plummer Park, looks west, works')
  expect(described({ ...camera, bearingDeg: 359, health: 'never_seen', watchers: 2 })).toBe(
    'Camera Plummer Park, looks north, no picture yet, 2 watching',
  )
})

test('what is seen is drawn of those cameras of which it is known', () => {
  const corners = [
    { latitude: 1, longitude: 2 },
    { latitude: 3, longitude: 4 },
    { latitude: 5, longitude: 6 },
    { latitude: 1, longitude: 2 },
  ]
  const { features } = fieldsOfView([camera, { ...camera, id: 'b', fieldOfView: corners, health: 'offline' }])
  expect(features.map(({ properties }) => properties)).toEqual([{ id: 'b', works: false }])
  expect(features[0]?.geometry.coordinates[0]?.[1]).toEqual([4, 3])
})
