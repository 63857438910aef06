import { createHash } from 'node:crypto'

import { expect, test } from 'vitest'

import { backOff, failureOf } from '../src/graphql/client'
import * as generated from '../src/graphql/generated/graphql'
import documents from '../src/graphql/generated/persisted-documents.json'

test('each document is stored under the SHA-256 of its text', () => {
  for (const [hash, text] of Object.entries(documents))
    expect(createHash('sha256').update(text).digest('hex')).toBe(hash)
})

test('every document that a page can send is in the set that the API is given', () => {
  const sent = Object.entries(generated as Record<string, unknown>).filter(([name]) => name.endsWith('Document'))
  expect(sent.length).toBeGreaterThan(10)
  for (const [, document] of sent)
    expect(documents).toHaveProperty((document as { __meta__: { hash: string } }).__meta__.hash)
})

test('the wait before the next try grows to at most 8 s, never in step with others', () => {
  expect(backOff(0, 0)).toBe(125)
  expect(backOff(0, 1)).toBe(250)
  expect(backOff(20, 0)).toBe(4_000)
  expect(backOff(20, 1)).toBe(8_000)
})

const error = (code: string, message = 'no') =>
  ({ graphQLErrors: [{ message, extensions: { code } }] }) as unknown as Parameters<typeof failureOf>[0]

test.each([
  ['not_signed_on', 'signed_out'],
  ['not_permitted', 'forbidden'],
  ['PERSISTED_QUERY_NOT_FOUND', 'outdated'],
  ['not_yet_applied', 'failed'],
])('the code %s is a failure of the kind %s', (code, kind) => {
  expect(failureOf(error(code)).kind).toBe(kind)
})

test('no answer at all is unreachable', () => {
  expect(failureOf({ graphQLErrors: [], networkError: new Error('x'), response: undefined }).kind).toBe('unreachable')
  expect(failureOf({ graphQLErrors: [], networkError: new Error('x'), response: { status: 503 } }).kind).toBe('failed')
})
