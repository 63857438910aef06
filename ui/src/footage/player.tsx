/** A viewing: the picture, the time it was taken, what of it is on the record as seen, and stills on demand. */
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'

import { Reasons } from '../board/outcome'
import { cityFormat } from '../shell/city-time'
import { Left } from '../shell/left'
import { dayOf, duration } from '../shell/words'
import { NOTHING_PLAYED, type Playback, Playing } from './playing'
import { gaps, length, share, spanned, type Stretch } from './times'
import { stretchOf } from './segments'

const SPEEDS = [0.5, 1, 2, 4]
const STEP_MS = 5_000
const clock = cityFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 1,
})

type Props = {
  viewing: string
  name: string
  range: Stretch
  override: string | undefined
  lift: ReactNode
  onStop: () => void
}

type Still = { address: string; taken: string | null; masked: boolean }

export function Player({ viewing, name, range, override, lift, onStop }: Props) {
  const video = useRef<HTMLVideoElement>(null)
  const playing = useRef<Playing>(undefined)
  const [playback, setPlayback] = useState<Playback>(NOTHING_PLAYED)
  const [paused, setPaused] = useState(true)
  const [speed, setSpeed] = useState(1)
  const [still, setStill] = useState<Still | Error>()
  const lifted = useRef(override)

  useEffect(() => {
    const element = video.current
    if (!element) return
    const made = new Playing(element, viewing, lifted.current, setPlayback)
    playing.current = made
    return () => {
      made.close()
      playing.current = undefined
    }
  }, [viewing])
  useEffect(() => {
    lifted.current = override
    playing.current?.lift(override)
  }, [override])
  useEffect(() => {
    if (!still || still instanceof Error) return undefined
    return () => URL.revokeObjectURL(still.address)
  }, [still])
  useEffect(() => {
    if (video.current) video.current.playbackRate = speed
  }, [speed])

  const toggle = () => {
    const element = video.current
    if (!element) return
    if (element.paused) void element.play().catch(() => undefined)
    else element.pause()
  }
  const step = (by: number) => {
    const at = playing.current?.at()
    if (at !== undefined) playing.current?.goTo(Math.max(range.since, at + by))
  }
  const look = async () => {
    const at = playing.current?.at()
    if (at === undefined || !playing.current) return
    try {
      const { image, ...rest } = await playing.current.still(at)
      setStill({ address: URL.createObjectURL(image), ...rest })
    } catch (error) {
      setStill(error instanceof Error ? error : new Error(String(error)))
    }
  }
  const press = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget) return
    if (event.key === ' ' || event.key === 'k') toggle()
    else if (event.key === 'ArrowRight') step(STEP_MS)
    else if (event.key === 'ArrowLeft') step(-STEP_MS)
    else return
    event.preventDefault()
  }

  const { refused, waiting, masked, until } = playback
  return (
    <section
      className="player"
      aria-label={`Footage of ${name}. Space plays and pauses, arrow keys go five seconds.`}
      tabIndex={0}
      onKeyDown={press}
      data-testid="player"
      data-masked={masked}
    >
      <header>
        <h2>{name}</h2>
        {masked !== undefined && (
          <span className={masked ? 'chip' : 'chip bad'} data-testid="mask">
            {masked ? 'Masked' : 'Mask lifted'}
          </span>
        )}
        <span className="spring" />
        {until && !refused && <Left until={until} over="over" />}
        <button type="button" className="button" onClick={onStop}>
          Stop viewing
        </button>
      </header>
      <div className="screen">
        <video
          ref={video}
          muted
          playsInline
          disablePictureInPicture
          disableRemotePlayback
          aria-label={`Footage of ${name}`}
          onPlay={() => setPaused(false)}
          onPause={() => setPaused(true)}
          onClick={toggle}
          onContextMenu={(event) => event.preventDefault()}
        />
        {refused ? (
          <div className="live-note ended" role="alert">
            <h3>This footage cannot be shown</h3>
            <Reasons reasons={[refused]} />
          </div>
        ) : (
          waiting && <div className="live-note waiting">{waiting}</div>
        )}
      </div>
      <Scrubber playback={playback} range={range} video={video} playing={playing} />
      <div className="controls">
        <button type="button" className="button primary" onClick={toggle} disabled={refused !== undefined}>
          {paused ? 'Play' : 'Pause'}
        </button>
        <button type="button" className="button" aria-label="Back five seconds" onClick={() => step(-STEP_MS)}>
          −5 s
        </button>
        <button type="button" className="button" aria-label="On five seconds" onClick={() => step(STEP_MS)}>
          +5 s
        </button>
        <label className="speed">
          Speed
          <select value={speed} onChange={(event) => setSpeed(Number(event.target.value))}>
            {SPEEDS.map((each) => (
              <option key={each} value={each}>
                {each}×
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="button" onClick={() => void look()}>
          Still of this moment
        </button>
        {lift}
        <span className="spring" />
        <span className="seen" title="What was sent to this page is on the record as seen">
          <b data-testid="seen">{duration(length(playback.sent))}</b> of {duration(range.until - range.since)} on the
          record as seen
        </span>
      </div>
      {still instanceof Error ? (
        <p className="note bad" role="alert">
          {still.message}
        </p>
      ) : (
        still && (
          <figure className="still">
            <img
              src={still.address}
              alt={`Still of ${name}`}
              onLoad={({ currentTarget }) => currentTarget.parentElement?.scrollIntoView({ block: 'nearest' })}
            />
            <figcaption>
              {still.taken && `${dayOf(still.taken)} ${clock.format(new Date(still.taken))}. `}
              {still.masked ? 'Masked.' : 'Mask lifted.'} It is on the record as a look, and gone when you close it.{' '}
              <button type="button" className="button quiet" onClick={() => setStill(undefined)}>
                Close
              </button>
            </figcaption>
          </figure>
        )
      )}
    </section>
  )
}

type ScrubberProps = {
  playback: Playback
  range: Stretch
  video: { current: HTMLVideoElement | null }
  playing: { current: Playing | undefined }
}

/** The stretch as a track: what is missing, what was seen, where the picture is. */
function Scrubber({ playback, range, video, playing }: ScrubberProps) {
  const [at, setAt] = useState<number>()
  useEffect(() => {
    const element = video.current
    if (!element) return
    const tell = () => setAt(playing.current?.at())
    for (const event of ['timeupdate', 'seeked', 'loadeddata']) element.addEventListener(event, tell)
    return () => {
      for (const event of ['timeupdate', 'seeked', 'loadeddata']) element.removeEventListener(event, tell)
    }
  }, [video, playing])
  const missing = playback.segments.length === 0 ? [] : gaps(range, playback.segments.map(stretchOf))
  const now = at ?? range.since
  return (
    <div className="scrubber">
      <output className="taken mono" data-testid="taken">
        {at === undefined ? '–' : `${dayOf(new Date(at).toISOString())} ${clock.format(at)}`}
      </output>
      <div className="track">
        {playback.sent.map((stretch) => (
          <span key={stretch.since} className="sent" style={placed(stretch, range)} />
        ))}
        {missing
          .filter(({ since, until }) => until - since > 1_000)
          .map((stretch) => (
            <span
              key={stretch.since}
              className="gap"
              style={placed(stretch, range)}
              title={`No footage: ${spanned(stretch)}`}
            />
          ))}
        <input
          type="range"
          aria-label="Time of the picture"
          aria-valuetext={clock.format(now)}
          min={range.since}
          max={range.until}
          step={100}
          value={now}
          onChange={(event) => playing.current?.goTo(Number(event.target.value))}
        />
      </div>
      <div className="ends mono">
        <span>{clock.format(range.since)}</span>
        <span>{clock.format(range.until)}</span>
      </div>
    </div>
  )
}

export function placed(stretch: Stretch, whole: Stretch): { left: string; width: string } {
  const left = share(stretch.since, whole)
  return { left: `${left}%`, width: `${share(stretch.until, whole) - left}%` }
}
