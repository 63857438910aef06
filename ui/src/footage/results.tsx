/** What there is of the time that was sought, as a track and as a list; also what is gone, and what never was. */
import type { ReactNode } from 'react'

import { Failure } from '../graphql/client'
import { duration, momentOf, words } from '../shell/words'
import { placed } from './player'
import { type Recording, seeable, stretchOf } from './recordings'
import type { Sought } from './search'
import { gaps, length, spanned, within } from './times'

/** More than this is not asked for at once. */
export const AT_MOST = 100

type Props = {
  sought: Sought
  recordings: readonly Recording[] | Failure | undefined
  chosen: Recording | undefined
  /** Who reads its records may choose what is gone as well. */
  readsRecords: boolean
  onChoose: (recording: Recording) => void
  onAgain: () => void
}

const STATES: Record<string, { name: string; look: string }> = {
  kept: { name: 'kept', look: 'good' },
  held: { name: 'only what a hold keeps', look: 'warn' },
  destroyed: { name: 'destroyed when it was due', look: 'bad' },
  lost: { name: 'lost', look: 'bad' },
}
const stateOf = ({ state }: Recording) => STATES[state] ?? { name: words(state), look: '' }

export function Results({ sought, recordings, chosen, readsRecords, onChoose, onAgain }: Props) {
  if (!recordings) return <p className="empty" aria-busy="true" />
  if (recordings instanceof Failure)
    return (
      <div className="note bad" role="alert">
        <p>What there is could not be read. {recordings.message}</p>
        <button type="button" className="button" onClick={onAgain}>
          Try again
        </button>
      </div>
    )
  if (recordings.length === 0)
    return (
      <section aria-label="What there is" className="results" role="status">
        <div className="state-card">
          <h2>No footage of this time is on the record</h2>
          <p className="quiet">
            What is being recorded now comes up here when its hour is over, or when the recorder closes it. What was
            lost is on the record as lost.
          </p>
        </div>
      </section>
    )
  const missing = gaps(sought, recordings.map(stretchOf))
  return (
    <section aria-label="What there is" className="results">
      <Track sought={sought} recordings={recordings} chosen={chosen} />
      <ul className="recordings">
        {recordings.map((each) => (
          <Row
            key={each.id}
            recording={each}
            sought={sought}
            chosen={chosen?.id === each.id}
            disabled={!readsRecords && seeable(each).length === 0}
            onChoose={() => onChoose(each)}
          />
        ))}
      </ul>
      {missing.length > 0 && (
        <p className="quiet">
          Nothing is on the record of {missing.length === 1 ? 'one stretch' : `${missing.length} stretches`},{' '}
          {duration(length(missing))} in all.
        </p>
      )}
      {recordings.length === AT_MOST && <p className="note warn">There is more: search a shorter time.</p>}
    </section>
  )
}

type TrackProps = { sought: Sought; recordings: readonly Recording[]; chosen: Recording | undefined }

function Track({ sought, recordings, chosen }: TrackProps) {
  const span = (key: string, look: string, of: Parameters<typeof stretchOf>[0], name: string): ReactNode => {
    const stretch = within(stretchOf(of), sought)
    if (!stretch) return null
    return <span key={key} className={look} style={placed(stretch, sought)} title={`${name}: ${spanned(stretch)}`} />
  }
  return (
    <>
      <div className="track tall" aria-hidden="true">
        {recordings.flatMap((each) => {
          const here = each.id === chosen?.id ? ' chosen' : ''
          const whole = span(each.id, `recording ${each.state}${here}`, each, stateOf(each).name)
          const parts = each.left.map((part) =>
            span(`${each.id} ${part.since}`, `recording kept${here}`, part, 'kept by a hold'),
          )
          return [whole, ...parts]
        })}
      </div>
      <div className="ends mono" aria-hidden="true">
        <span>{momentOf(new Date(sought.since).toISOString())}</span>
        <span>{momentOf(new Date(sought.until).toISOString())}</span>
      </div>
    </>
  )
}

type RowProps = { recording: Recording; sought: Sought; chosen: boolean; disabled: boolean; onChoose: () => void }

function Row({ recording, sought, chosen, disabled, onChoose }: RowProps) {
  const { name, look } = stateOf(recording)
  return (
    <li>
      <label className="recording-row" data-footage={recording.id} data-state={recording.state}>
        <input type="radio" name="recording" checked={chosen} disabled={disabled} onChange={onChoose} />
        <span className="when mono">
          {spanned(within(stretchOf(recording), sought) ?? stretchOf(recording))}
          {recording.left.map((part) => (
            <span key={part.since} className="part">
              left: {spanned(stretchOf(part))}
            </span>
          ))}
        </span>
        <span className={`chip ${look}`}>{name}</span>
      </label>
    </li>
  )
}
