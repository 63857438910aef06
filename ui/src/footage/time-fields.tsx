/** From when until when, to the second. */
import { Field } from '../forms/field'
import { CITY_TIME, typed } from '../shell/city-time'
import type { Stretch } from './times'

/** As it stands in the fields. */
export type TypedTimes = { since: string; until: string }

export const typedOf = ({ since, until }: Stretch): TypedTimes => ({ since: typed(since), until: typed(until) })

const ENDS = [
  ['since', 'From'],
  ['until', 'Until'],
] as const

type Props = {
  times: TypedTimes
  onChange: (times: TypedTimes) => void
  /** What a browser offers. */
  bounds?: Stretch
}

export function TimeFields({ times, onChange, bounds }: Props) {
  return ENDS.map(([end, label]) => (
    <Field key={end} label={`${label} (${CITY_TIME})`}>
      {(id) => (
        <input
          id={id}
          type="datetime-local"
          step={1}
          min={bounds && typed(bounds.since)}
          max={bounds && typed(bounds.until)}
          value={times[end]}
          onChange={(event) => onChange({ ...times, [end]: event.target.value })}
        />
      )}
    </Field>
  ))
}
