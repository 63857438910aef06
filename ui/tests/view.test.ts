import { expect, test } from 'vitest'

import { EVERYTHING, filterOf, pretty, readSearch, variablesOf, type View, writeSearch } from '../src/audit/view'

const full: View = {
  texts: {
    person: 'person-a',
    role: 'auditor',
    organisation: 'oversight',
    case: '26-1',
    subject: 'flight-1',
    type: 'flight.drone_launched',
    outcome: 'refused',
  },
  since: '2026-11-01T00:00:00.000Z',
  until: '2026-11-02T00:00:00.000Z',
  oldestFirst: true,
  page: { after: '42' },
  event: 7,
}

test('an address says the whole view', () => {
  expect(readSearch(writeSearch(full))).toEqual(full)
  expect(readSearch('')).toEqual(EVERYTHING)
  expect(writeSearch(EVERYTHING)).toBe('')
})

test('what an address says wrongly is left out, not guessed', () => {
  expect(readSearch('since=yesterday&event=-3&person=%20&order=up')).toEqual(EVERYTHING)
})

test('no filter asks for everything, newest first', () => {
  expect(variablesOf(EVERYTHING)).toEqual({ filter: null, order: 'POSITION_DESC', first: 50 })
})

test('each part of the filter goes out under its own name', () => {
  expect(filterOf(full)).toEqual({
    personId: 'person-a',
    role: 'auditor',
    organisation: 'oversight',
    caseNumber: '26-1',
    subject: 'flight-1',
    type: 'flight.drone_launched',
    outcome: 'refused',
    since: full.since,
    until: full.until,
  })
})

test('the page before a cursor is asked for from its end', () => {
  expect(variablesOf({ ...EVERYTHING, page: { before: '42' } })).toMatchObject({ last: 50, before: '42' })
  expect(variablesOf({ ...EVERYTHING, page: { after: '42' } })).toMatchObject({ first: 50, after: '42' })
})

test('content that is no JSON is shown as it is', () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}')
  expect(pretty('{"a":')).toBe('{"a":')
})
