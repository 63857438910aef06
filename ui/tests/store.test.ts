import { expect, test, vi } from 'vitest'

import { BoardStore, share } from '../src/board/store'
import { sampleBoard, sampleTelemetry } from './samples'

test('what did not change keeps its identity', () => {
  const before = { a: [{ n: 1 }, { n: 2 }], b: { c: 'x' } }
  const after = share(before, { a: [{ n: 1 }, { n: 3 }], b: { c: 'x' } })
  expect(after).not.toBe(before)
  expect(after.a[0]).toBe(before.a[0])
  expect(after.a[1]).toEqual({ n: 3 })
  expect(after.b).toBe(before.b)
})

test('an equal snapshot is the same snapshot, a shorter list is not', () => {
  const before = { list: [1, 2] }
  expect(share(before, { list: [1, 2] })).toBe(before)
  expect(share(before, { list: [1] })).toEqual({ list: [1] })
  expect(share<unknown>({ a: 1 }, null)).toBeNull()
})

test('a moving drone does not wake who looks at the board, only who looks at the drone', () => {
  const store = new BoardStore()
  store.receive(sampleBoard({ latitude: 34.09 }), 0)
  const onBoard = vi.fn()
  const onTelemetry = vi.fn()
  store.subscribe(onBoard)
  store.subscribeTelemetry(onTelemetry)
  store.receive(sampleBoard({ latitude: 34.0901, at: '2026-11-23T06:00:00.100000Z' }), 100)
  expect(onBoard).not.toHaveBeenCalled()
  expect(onTelemetry).toHaveBeenCalledOnce()
  expect(store.sample('drone-1')?.telemetry.place.latitude).toBe(34.0901)
})

test('a snapshot with the same sample again does not make it younger', () => {
  const store = new BoardStore()
  const wall = Date.parse(sampleTelemetry().at)
  store.receive(sampleBoard(), 0)
  store.receive(sampleBoard(), 5_000)
  expect(store.age('drone-1', 5_000, wall)).toBe(5_000)
  expect(store.receivedAt()).toBe(5_000)
})

test('a drone that is no longer heard of has no sample', () => {
  const store = new BoardStore()
  store.receive(sampleBoard(), 0)
  const told = sampleBoard()
  store.receive({ ...told, drones: told.drones.map((drone) => ({ ...drone, telemetry: null })) }, 1)
  expect(store.sample('drone-1')).toBeUndefined()
  expect(store.age('drone-1')).toBeUndefined()
})
