/** Which footage: of a camera or flight, and of when. */
import { type FormEvent, useState } from 'react'

import type { Source } from '../cameras/sources'
import { Field } from '../forms/field'
import { Failure } from '../graphql/client'
import { read } from '../shell/city-time'
import { serverNow } from '../shell/clock'
import { TimeFields, typedOf } from './time-fields'
import type { Stretch } from './times'

export type Sought = { feed: string } & Stretch

const HOUR_MS = 3_600_000
const LONGEST_MS = 31 * 24 * HOUR_MS
const PRESETS: readonly [string, number][] = [
  ['Last 10 minutes', HOUR_MS / 6],
  ['Last hour', HOUR_MS],
  ['Last 24 hours', 24 * HOUR_MS],
]
const KINDS: readonly [Source['kind'], string][] = [
  ['camera', 'Cameras'],
  ['flight', 'Flights'],
]

const last = (length: number): Stretch => ({ since: serverNow() - length, until: serverNow() })

type Props = { sources: readonly Source[] | Failure | undefined; onFind: (sought: Sought) => void }

export function Search({ sources, onFind }: Props) {
  const [feed, setFeed] = useState(new URLSearchParams(location.search).get('feed') ?? '')
  const [times, setTimes] = useState(() => typedOf(last(HOUR_MS)))
  const known = Array.isArray(sources) ? (sources as readonly Source[]) : []
  const since = read(times.since)
  // Where an hour comes twice, both are searched.
  const until = read(times.until, Infinity)
  const wrong = wrongIn(since, until)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (feed && !wrong && since !== undefined && until !== undefined) onFind({ feed, since, until })
  }
  return (
    <form className="search" role="search" aria-label="Find footage" onSubmit={submit}>
      <Field label="Camera or flight">
        {(id) => (
          <select id={id} value={feed} onChange={(event) => setFeed(event.target.value)} aria-busy={!sources}>
            <option value="">Choose…</option>
            {KINDS.map(([kind, name]) => (
              <optgroup key={kind} label={name}>
                {known
                  .filter((each) => each.kind === kind)
                  .map((each) => (
                    <option key={each.feed} value={each.feed}>
                      {each.name}
                    </option>
                  ))}
              </optgroup>
            ))}
            {feed && !known.some((each) => each.feed === feed) && <option value={feed}>{feed}</option>}
          </select>
        )}
      </Field>
      <TimeFields times={times} onChange={setTimes} />
      <button type="submit" className="button primary" disabled={!feed || wrong !== undefined}>
        Find
      </button>
      <div className="presets">
        {PRESETS.map(([name, length]) => (
          <button key={name} type="button" className="button quiet" onClick={() => setTimes(typedOf(last(length)))}>
            {name}
          </button>
        ))}
      </div>
      {sources instanceof Failure && (
        <p className="note bad" role="alert">
          Which cameras and flights there are could not be read. {sources.message}
        </p>
      )}
      {wrong && (
        <p className="fault" role="alert">
          {wrong}
        </p>
      )}
    </form>
  )
}

/** What keeps a search from being sent, in words. */
export function wrongIn(since: number | undefined, until: number | undefined): string | undefined {
  if (since === undefined || until === undefined) return 'Say from when until when.'
  if (since >= until) return 'It ends before it begins.'
  return until - since > LONGEST_MS ? 'At most 31 days can be searched at once.' : undefined
}
