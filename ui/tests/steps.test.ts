import { createHash } from 'node:crypto'

import { expect, test } from 'vitest'

import { type Due, freshNumber, steps, subject, weekOf } from '../src/oversight/steps'

const due: Due = {
  kind: 'review_access',
  stream: 'review-week-2026-W23',
  review: 'week-2026-W23',
  number: 41,
  about: 'liveview-7',
  person: null,
  dueAt: '2026-06-15T00:00:00Z',
  overdue: false,
}

test('an access is looked up by its own record, everything else by the record that is due', () => {
  expect(subject(due)).toBe('liveview-7')
  expect(subject({ ...due, kind: 'act_on_finding' })).toBe('review-week-2026-W23')
  expect(subject({ ...due, kind: 'review_disclosure', stream: 'disclosure-9' })).toBe('disclosure-9')
})

test('the week of a sample is read off its record', () => {
  expect(weekOf(due)).toBe('2026-W23')
})

test('a number is 32 random bytes, and what goes on the record is their SHA-256', async () => {
  const [one, other] = [await freshNumber(), await freshNumber()]
  expect(one.nonce).toMatch(/^[0-9a-f]{64}$/)
  expect(one.nonce).not.toBe(other.nonce)
  expect(one.sha256).toBe(createHash('sha256').update(Buffer.from(one.nonce, 'hex')).digest('hex'))
})

test('what asks for a form says who may fill it in', () => {
  for (const step of Object.values(steps)) expect(Boolean(step?.form)).toBe(Boolean(step?.action))
})
