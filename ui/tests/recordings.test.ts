import { expect, test } from 'vitest'

import { proposed, seeable } from '../src/footage/recordings'
import { wrongIn } from '../src/footage/search'

const hour = { since: '2026-11-23T06:00:00.250Z', until: '2026-11-23T07:00:00.250Z' }
const part = { since: '2026-11-23T06:10:00Z', until: '2026-11-23T06:20:00Z' }
const later = { since: '2026-11-23T06:40:00Z', until: '2026-11-23T06:45:00Z' }
const at = (time: string) => Date.parse(`2026-11-23T${time}Z`)

test('what is kept can be seen, of what is held what the holds keep, of what is gone nothing', () => {
  expect(seeable({ ...hour, state: 'kept', left: [] })).toEqual([{ ...hour, state: 'kept', left: [] }])
  expect(seeable({ ...hour, state: 'held', left: [part, later] })).toEqual([part, later])
  expect(seeable({ ...hour, state: 'destroyed', left: [] })).toEqual([])
  expect(seeable({ ...hour, state: 'lost', left: [] })).toEqual([])
})

test('the part that was sought is proposed, and no more of it than was sought', () => {
  const sought = { since: at('06:42:00'), until: at('08:00:00') }
  expect(proposed([part, later], sought)).toEqual({
    part: later,
    range: { since: at('06:42:00'), until: at('06:45:00') },
  })
})

test('where nothing that was sought is left, the first part that is left is proposed', () => {
  const sought = { since: at('06:25:00'), until: at('06:30:00') }
  expect(proposed([part, later], sought)).toEqual({
    part,
    range: { since: at('06:10:00'), until: at('06:20:00') },
  })
  expect(proposed([], sought)).toBeUndefined()
})

test('a search says what is wrong with its times', () => {
  expect(wrongIn(undefined, at('06:00:00'))).toBe('Say from when until when.')
  expect(wrongIn(at('07:00:00'), at('06:00:00'))).toBe('It ends before it begins.')
  expect(wrongIn(at('06:00:00') - 32 * 86_400_000, at('06:00:00'))).toBe('At most 31 days can be searched at once.')
  expect(wrongIn(at('06:00:00'), at('07:00:00'))).toBeUndefined()
})
