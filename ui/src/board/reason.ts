/** Immediate feedback on a reason. The server decides; this only spares a person the round trip. */

const VAGUE = new Set([
  'investigation',
  'investigate',
  'inv',
  'check',
  'checking',
  'test',
  'police',
  'business',
  'official',
  'misc',
  'other',
  'surveillance',
  'patrol',
  'security',
  'safety',
  'incident',
  'call',
  'case',
  'see',
  'notes',
  'na',
  'none',
  'suspicious',
  'activity',
  'work',
  'duty',
  'law',
  'enforcement',
  'follow',
  'up',
  'the',
  'a',
  'an',
  'for',
  'of',
  'on',
  'to',
  'and',
  'per',
])

export type Judgement = { good: boolean; message: string }

export function judgeReason(reason: string): Judgement {
  const found = reason.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  if (found.length === 0) return { good: false, message: 'Say what happened and what the drone is to find out.' }
  const telling = found.filter((word) => !VAGUE.has(word) && word.length > 1)
  if (telling.length === 0)
    return { good: false, message: `“${reason.trim()}” alone tells a reviewer nothing. Say what happened, and where.` }
  if (telling.length < 3)
    return { good: false, message: 'A few more words: what happened, and what is the drone to find out?' }
  return { good: true, message: 'Clear enough for a reviewer.' }
}
