import { expect, test } from 'vitest'

import { bytes } from '../src/exports/bytes'

test('sizes are said in three digits', () => {
  expect([12, 1_400, 12_345_678].map(bytes)).toEqual(['12 bytes', '1.4 kB', '12.3 MB'])
})
