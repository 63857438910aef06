import { expect, test } from 'vitest'

import { groundsOf, missingOf, NOTHING_STATED } from '../src/forms/grounds'
import { basisInWords, basisOf, missingOfBasis } from '../src/forms/legal-basis'

const stated = { ...NOTHING_STATED, purpose: 'call_for_service', reason: '  smoke over the roof ' }

test('a purpose with a call asks for a call or a case, any other for what allows it', () => {
  const missing = (part: object, needsCall: boolean) =>
    missingOf({ ...stated, ...part }, needsCall).filter((each) => each !== false)
  expect(missing({}, true)).toEqual(['a call or a case'])
  expect(missing({ caseNumber: '26-1' }, true)).toEqual([])
  expect(missing({}, false)).toEqual(['the authorisation'])
  expect(missing({ authorisation: 'CSD memo 4' }, false)).toEqual([])
})

test('what was not asked for is not sent', () => {
  const all = { ...stated, call: '', caseNumber: ' 26-1 ', authorisation: 'left from before' }
  expect(groundsOf(all, true)).toEqual({
    purpose: 'call_for_service',
    reason: 'smoke over the roof',
    callNumber: null,
    caseNumber: '26-1',
    authorisation: null,
  })
})

test('a warrant has a number and who issued it, a consent a number, exigency neither', () => {
  const missing = (kind: string) => missingOfBasis({ kind, number: '', issuer: '' }).filter((each) => each !== false)
  expect(missing('warrant')).toEqual(['its number', 'who issued it'])
  expect(missing('consent')).toEqual(['its number'])
  expect(missing('exigency')).toEqual([])
  expect(basisOf({ kind: 'exigency', number: '7', issuer: 'x' })).toEqual({
    kind: 'exigency',
    number: null,
    issuer: null,
  })
})

test('a legal basis reads as the paper says', () => {
  expect(basisInWords({ kind: 'court_order', number: '26-114', issuer: 'Superior Court' })).toBe(
    'Court order 26-114, Superior Court',
  )
  expect(basisInWords({ kind: 'exigency', number: null, issuer: null })).toBe('Exigency')
})
