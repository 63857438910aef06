import type { Feature, LineString, Position } from 'geojson'
import { expect, test } from 'vitest'

import { joined, type Street } from '../src/board/streets'

function piece(name: string | undefined, ...coordinates: Position[]): Feature<LineString, Street> {
  const properties: Street = { class: 'major', kind: 'primary', ...(name === undefined ? {} : { name }) }
  return { type: 'Feature', properties, geometry: { type: 'LineString', coordinates } }
}

const lines = (...pieces: Feature<LineString, Street>[]) =>
  joined(pieces).features.map((feature) => feature.geometry.coordinates)

test('pieces that meet become one line, whichever way they run', () => {
  const [line, ...rest] = lines(piece('A', [0, 0], [1, 0]), piece('A', [2, 0], [1, 0]), piece('A', [2, 0], [3, 0]))
  expect(rest).toEqual([])
  expect([line?.[0]?.[0], line?.at(-1)?.[0]].sort()).toEqual([0, 3])
  expect(line).toHaveLength(4)
})

test('pieces of other streets and pieces apart stay apart', () => {
  expect(lines(piece('A', [0, 0], [1, 0]), piece('B', [1, 0], [2, 0]), piece('A', [5, 0], [6, 0]))).toHaveLength(3)
})

test('pieces without a name are left out', () => {
  expect(lines(piece(undefined, [0, 0], [1, 0]))).toEqual([])
})

test('of a ring of two carriageways one is written on', () => {
  expect(lines(piece('A', [0, 0], [1, 0.1], [2, 0], [1, -0.1], [0, 0]))).toEqual([
    [
      [0, 0],
      [1, 0.1],
      [2, 0],
    ],
  ])
})
