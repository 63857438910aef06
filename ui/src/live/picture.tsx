/**
 * A picture that is watched: the stream, and over it what a person must not overlook (no picture, an old picture, the
 * end). Changing its size shows the old stream until the new one has its first picture.
 */
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'

import { Reasons } from '../board/outcome'
import { useTick } from '../shell/clock'
import { duration } from '../shell/words'
import type { Way } from './connection'
import './live.css'
import { type Size, Stream } from './stream'
import { type Held, title } from './view'

/** A picture that no bytes came of for so long is old, and is said to be. */
const OLD_AFTER_MS = 2_500

export type Said = { masked: boolean | undefined; watchers: number | undefined }

type Props = {
  view: string
  held: Held
  size: Size
  label: string
  override?: string | undefined
  onSaid: (said: Said) => void
  /** What may be done once it is over. */
  over?: ReactNode
}

export function LivePicture({ view, held, size, label, override, onSaid, over }: Props) {
  const [sizes, setSizes] = useState<readonly Size[]>([size])
  const [way, setWay] = useState<Way>({ state: 'connecting' })
  const [seen, setSeen] = useState(false)
  const [tries, setTries] = useState(0)
  const heardAt = useRef<number>(undefined)
  const said = useRef<Said>({ masked: undefined, watchers: undefined })
  const ready = useRef(new Set<Size>())
  const settle = useCallback((on: Size) => {
    ready.current = new Set([on])
    setSizes([on])
  }, [])
  useEffect(() => {
    // Back to what is still there: it has its first picture already.
    if (ready.current.has(size)) settle(size)
    else setSizes((shown) => (shown.at(-1) === size ? shown : [...shown.filter((each) => each !== size), size]))
  }, [size, settle])
  const tell = useCallback(
    (part: Partial<Said>) => {
      said.current = { ...said.current, ...part }
      onSaid(said.current)
    },
    [onSaid],
  )

  const ended = held.state === 'over' ? held.reason : way.state === 'ended' ? way.reason : undefined
  const newest = sizes.at(-1)
  return (
    <div className="live-picture" data-state={ended ? 'ended' : way.state} data-seen={seen && !ended}>
      {!ended &&
        sizes.map((each) => (
          <Stream
            key={`${each} ${tries}`}
            view={view}
            size={each}
            label={label}
            override={override}
            onWay={each === newest ? setWay : nothing}
            onSaid={each === newest ? tell : nothing}
            onBytes={() => {
              heardAt.current = performance.now()
            }}
            onFirst={() => {
              ready.current.add(each)
              setSeen(true)
              if (each === newest) settle(each)
            }}
          />
        ))}
      {ended ? (
        <div className="live-note ended" role="alert">
          <h3>{title(ended)}</h3>
          <Reasons reasons={[ended]} />
          {held.state !== 'over' && (
            <button
              type="button"
              className="button"
              onClick={() => {
                setWay({ state: 'connecting' })
                setSeen(false)
                ready.current.clear()
                setTries((before) => before + 1)
              }}
            >
              Try again
            </button>
          )}
          {over}
        </div>
      ) : (
        <Trouble way={way} held={held} seen={seen} heardAt={heardAt} />
      )}
    </div>
  )
}

function nothing(): void {
  // Of a stream that is about to go.
}

/** Why what is seen is not what is going on now. */
function Trouble({
  way,
  held,
  seen,
  heardAt,
}: {
  way: Way
  held: Held
  seen: boolean
  heardAt: { current: number | undefined }
}) {
  useTick()
  const age = heardAt.current === undefined ? undefined : performance.now() - heardAt.current
  if (way.state === 'lost')
    return (
      <div className="live-note" role="status">
        <b>No live picture{seen && age !== undefined && ` for ${duration(age)}`}.</b> {way.message} It is tried again.
      </div>
    )
  if (seen && age !== undefined && age > OLD_AFTER_MS)
    return (
      <div className="live-note" role="status">
        <b>This picture is {duration(age)} old.</b>
      </div>
    )
  if (held.state === 'unsure')
    return (
      <div className="live-note" role="status">
        {held.failure.message} The picture ends after 10 s of silence.
      </div>
    )
  if (!seen) return <div className="live-note waiting">Waiting for the first picture…</div>
  return null
}
