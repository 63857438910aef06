import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Failure } from '../src/graphql/client'
import { LiveConnection, type Opening, type Way, type Wire } from '../src/live/connection'
import { follow, outdated } from '../src/live/edge'
import { mayPass, read, type Reason } from '../src/live/protocol'
import { heard, title } from '../src/live/view'

const suspended: Reason = {
  code: 'suspended',
  message: 'the account is suspended: ask the station commander',
  rule: 'an account is a condition',
  field: null,
  accepted: null,
}

/** Speaks for the media process. */
class SpokenFor {
  binaryType: BinaryType = 'blob'
  readyState = 1
  readonly sent: string[] = []
  closedWith: number | undefined
  readonly #heard = new Map<string, ((event: { data?: unknown }) => void)[]>()

  addEventListener(name: string, listener: (event: { data?: unknown }) => void): void {
    this.#heard.set(name, [...(this.#heard.get(name) ?? []), listener])
  }

  send(text: string): void {
    this.sent.push(text)
  }

  close(code?: number): void {
    this.closedWith = code
    this.readyState = 3
  }

  say(name: 'open' | 'close' | 'message', data?: unknown): void {
    for (const listener of this.#heard.get(name) ?? []) listener({ data })
  }
}

function watched(open: () => Promise<Opening>) {
  const wires: SpokenFor[] = []
  const ways: Way[] = []
  const told: unknown[] = []
  const connection = new LiveConnection(
    {
      open,
      wire: () => {
        const wire = new SpokenFor()
        wires.push(wire)
        return wire as unknown as Wire
      },
      wait: (attempt) => 100 * (attempt + 1),
    },
    { way: (way) => ways.push(way), told: (each) => told.push(each), bytes: () => undefined },
  )
  return { connection, wires, ways, told }
}

const numbered = () => {
  let number = 0
  return vi.fn(() => Promise.resolve({ url: 'ws://media/live/camera-a', token: `token ${++number}` }))
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('the token is the first message, never part of an address', async () => {
  const { wires } = watched(numbered())
  await vi.advanceTimersByTimeAsync(0)
  wires[0]?.say('open')
  expect(wires[0]?.sent).toEqual(['{"token":"token 1"}'])
})

test('a lost connection is made again with a new token', async () => {
  const open = numbered()
  const { wires, ways } = watched(open)
  await vi.advanceTimersByTimeAsync(0)
  wires[0]?.say('open')
  wires[0]?.say('message', new ArrayBuffer(8))
  wires[0]?.say('close')
  expect(ways.at(-1)?.state).toBe('lost')
  await vi.advanceTimersByTimeAsync(100)
  wires[1]?.say('open')
  expect(wires[1]?.sent).toEqual(['{"token":"token 2"}'])
})

test('what is refused for good is not asked again', async () => {
  const open = numbered()
  const { wires, ways } = watched(open)
  await vi.advanceTimersByTimeAsync(0)
  wires[0]?.say('message', JSON.stringify({ type: 'end', reason: suspended }))
  wires[0]?.say('close')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ways.at(-1)).toEqual({ state: 'ended', reason: suspended })
  expect(open).toHaveBeenCalledTimes(1)
})

test('a token that came too late is followed by a new one', async () => {
  const open = numbered()
  const { wires } = watched(open)
  await vi.advanceTimersByTimeAsync(0)
  wires[0]?.say('message', JSON.stringify({ type: 'end', reason: { ...suspended, code: 'token_expired' } }))
  await vi.advanceTimersByTimeAsync(100)
  expect(open).toHaveBeenCalledTimes(2)
})

test('where no token can be had, why is said, and it is tried again', async () => {
  const open = vi.fn<() => Promise<Opening>>()
  open.mockRejectedValueOnce(new Failure('unreachable', 'The watch center did not answer.'))
  open.mockResolvedValueOnce({ reason: suspended })
  const { ways } = watched(open)
  await vi.advanceTimersByTimeAsync(0)
  expect(ways.at(-1)).toEqual({ state: 'lost', message: 'The watch center did not answer.' })
  await vi.advanceTimersByTimeAsync(100)
  expect(ways.at(-1)).toEqual({ state: 'ended', reason: suspended })
})

test('a new right is shown on the same connection', async () => {
  const { connection, wires } = watched(numbered())
  await vi.advanceTimersByTimeAsync(0)
  wires[0]?.say('open')
  await connection.present()
  expect(wires).toHaveLength(1)
  expect(wires[0]?.sent).toEqual(['{"token":"token 1"}', '{"token":"token 2"}'])
})

test('a camera that is away is waited for', async () => {
  const { wires, ways, told } = watched(numbered())
  await vi.advanceTimersByTimeAsync(0)
  wires[0]?.say('message', JSON.stringify({ type: 'stalled', message: 'the camera does not answer' }))
  expect(ways.at(-1)).toEqual({ state: 'lost', message: 'the camera does not answer' })
  const picture = { type: 'picture', mime: 'video/mp4; codecs="avc1.42c01f"', masked: true }
  wires[0]?.say('message', JSON.stringify(picture))
  expect(told).toEqual([picture])
})

test('once closed nothing is tried again', async () => {
  const open = numbered()
  const { connection, wires } = watched(open)
  await vi.advanceTimersByTimeAsync(0)
  connection.close()
  wires[0]?.say('close')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(wires[0]?.closedWith).toBe(1000)
  expect(open).toHaveBeenCalledTimes(1)
})

test('what this page does not know is passed over', () => {
  expect(read('{"type":"weather"}')).toBeUndefined()
  expect(read('no JSON')).toBeUndefined()
  expect(read('null')).toBeUndefined()
})

test('what may pass is tried again, what was decided is not', () => {
  expect(mayPass({ ...suspended, code: 'store_unavailable' })).toBe(true)
  expect(mayPass(suspended)).toBe(false)
})

test('a picture never stays two seconds behind the newest that has come', () => {
  expect(follow([{ start: 0, end: 10 }], 9.5)).toEqual({ seek: undefined, rate: 1 })
  expect(follow([{ start: 0, end: 10 }], 9.1).rate).toBeGreaterThan(1)
  expect(follow([{ start: 0, end: 10 }], 8).seek).toBeCloseTo(9.6)
})

test('a hole is passed over', () => {
  const ranges = [
    { start: 0, end: 4 },
    { start: 6, end: 6.2 },
  ]
  expect(follow(ranges, 5).seek).toBeCloseTo(6)
  expect(follow([], 5)).toEqual({ seek: undefined, rate: 1 })
})

test('of what was shown no more than a few seconds are kept', () => {
  expect(outdated([{ start: 0, end: 30 }], 5)).toBeUndefined()
  expect(outdated([{ start: 0, end: 30 }], 29)).toEqual({ start: 0, end: 23 })
})

test('a heartbeat says whether the view is open, and why it is not', () => {
  expect(heard({ open: true, until: '2026-11-23T06:00:00Z', reason: null })).toEqual({
    state: 'open',
    until: '2026-11-23T06:00:00Z',
  })
  expect(heard({ open: false, until: null, reason: suspended })).toEqual({ state: 'over', reason: suspended })
  expect(heard(new Failure('unreachable', 'no answer')).state).toBe('unsure')
  expect(heard(new Failure('signed_out', 'signed out')).state).toBe('over')
})

test('an end is said in the words of the room', () => {
  expect(title(suspended)).toBe('Your view has ended: your account is suspended')
  expect(title({ ...suspended, code: 'something_new' })).toBe('Your view has ended')
})
