/** Times as the clocks of the city show them, wherever the browser thinks it is: a report is about the city's night. */
import { TZDate } from '@date-fns/tz'

const CITY = 'America/Los_Angeles'
const HOUR_MS = 3_600_000

/** Said beside every field that takes a time. */
export const CITY_TIME = 'Los Angeles time'

export function cityFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: CITY })
}

/** What an `<input type="datetime-local" step="1">` takes: `2026-11-23T06:00:05`. */
export function typed(at: number): string {
  return new TZDate(at, CITY).toISOString().slice(0, 19)
}

/**
 * Milliseconds since 1970, or undefined for what is no time. The night on which the clocks go back has an hour twice: the
 * first is meant, unless only the second is not before `earliest`.
 */
export function read(value: string, earliest = -Infinity): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?$/.exec(value) ?? []
  if (year === undefined) return undefined
  const at = +new TZDate(+year, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second ?? 0), CITY)
  const [first, again] = typed(at - HOUR_MS) === typed(at) ? [at - HOUR_MS, at] : [at, at + HOUR_MS]
  return first < earliest && typed(again) === typed(at) ? again : first
}
