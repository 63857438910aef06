/** Which stretch of what was chosen. */
import { useId, useState } from 'react'

import { ChoiceField } from '../forms/field'
import { read } from '../shell/city-time'
import { type Part, stretchOf } from './recordings'
import { TimeFields, typedOf, type TypedTimes } from './time-fields'
import { spanned, type Stretch, within } from './times'

type Props = {
  /** What can be seen of it; several where holds keep parts of it. */
  parts: readonly Part[]
  part: Part
  range: Stretch
  onChange: (part: Part, range: Stretch) => void
}

export function RangeFields({ parts, part, range, onChange }: Props) {
  const [times, setTimes] = useState(() => typedOf(range))
  const hint = useId()
  const whole = stretchOf(part)
  // What is typed has whole seconds: the ends of the footage themselves are meant where it touches them.
  const type = (said: TypedTimes) => {
    setTimes(said)
    const since = said.since === times.since ? range.since : read(said.since, whole.since)
    const until = said.until === times.until ? range.until : read(said.until, whole.since)
    const wanted = since !== undefined && until !== undefined && within({ since, until }, whole)
    if (wanted) onChange(part, wanted)
  }
  return (
    <fieldset className="stretch" aria-describedby={hint}>
      <legend>Stretch</legend>
      {parts.length > 1 && (
        <ChoiceField
          label="What a hold keeps"
          value={part.since}
          onChange={(since) => {
            const other = parts.find((each) => each.since === since) ?? part
            setTimes(typedOf(stretchOf(other)))
            onChange(other, stretchOf(other))
          }}
          options={parts.map((each) => [each.since, spanned(stretchOf(each))])}
        />
      )}
      <div className="pair">
        <TimeFields times={times} onChange={type} bounds={whole} />
      </div>
      <p id={hint} className="quiet">
        {spanned(range)}. The shorter the stretch, the sooner it is reviewed.
      </p>
    </fieldset>
  )
}
