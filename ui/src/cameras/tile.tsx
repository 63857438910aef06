/** One picture of the wall: whose it is, how long yet, who else watches, and what may be done about it. */
import { type KeyboardEvent, useCallback, useState } from 'react'

import { useLifted } from '../overrides/lifted'
import { LivePicture, type Said } from '../live/picture'
import type { Size } from '../live/stream'
import { useHeld } from '../live/view'
import { Left } from '../shell/left'
import { useViewer } from '../shell/viewer'
import { timeOfDay } from '../shell/words'
import { DroneStrip } from './drone-strip'
import type { View } from './wall'

export type Wanted = 'renew' | 'override'

type Props = {
  view: View
  size: Size
  large: boolean
  /** Told apart where a view was renewed or an override asked for on this page. */
  renewals: number
  askedOverride: string | undefined
  onEnlarge: (large: boolean) => void
  onWant: (wanted: Wanted) => void
  onStop: (over: boolean) => void
}

export function Tile({ view, size, large, renewals, askedOverride, onEnlarge, onWant, onStop }: Props) {
  const viewer = useViewer()
  const held = useHeld(view.id, renewals)
  const { override, told, waiting } = useLifted(view.feed.feed, askedOverride)
  const [said, setSaid] = useState<Said>({ masked: undefined, watchers: undefined })
  const hear = useCallback((next: Said) => setSaid(next), [])
  const over = held.state === 'over'
  const until = held.state === 'open' ? held.until : undefined
  const others = (said.watchers ?? 1) - 1

  const press = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === 'Escape' && large) {
      event.stopPropagation()
      return onEnlarge(false)
    }
    if (event.target !== event.currentTarget) return
    if (event.key === 'Enter') onEnlarge(!large)
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const tiles = [...document.querySelectorAll<HTMLElement>('.wall > .tile')]
    tiles[(tiles.indexOf(event.currentTarget) + step + tiles.length) % tiles.length]?.focus()
  }
  return (
    <article
      className={large ? 'tile large' : 'tile'}
      data-feed={view.feed.feed}
      data-view={view.id}
      data-masked={said.masked}
      aria-label={`${view.feed.name}: ${over ? 'ended' : large ? 'enlarged' : 'live view'}. Enter ${large ? 'or Escape shrinks' : 'enlarges'} it.`}
      tabIndex={0}
      onKeyDown={press}
      onDoubleClick={() => onEnlarge(!large)}
    >
      <header>
        <i className={view.feed.kind === 'drone' ? 'key drone' : 'key camera'} aria-hidden="true" />
        <h2 title={view.feed.name}>{view.feed.name}</h2>
        {!over && said.masked !== undefined && (
          <span className={said.masked ? 'chip' : override ? 'chip bad' : 'chip quiet-chip'} data-testid="mask">
            {said.masked ? 'Masked' : override ? 'Mask lifted' : 'No mask'}
          </span>
        )}
        {waiting && <span className="chip warn">Override waits</span>}
        {told && ['refused', 'unanswered'].includes(told.state) && (
          <span className="chip bad" title={told.reasons.map((reason) => reason.message).join('; ')}>
            Override {told.state}
          </span>
        )}
        <span className="spring" />
        {!over && said.watchers !== undefined && (
          <span className="watchers" title="Live views of this picture that are open now">
            {others === 0 ? 'only you' : `you and ${others} more`}
          </span>
        )}
      </header>
      <LivePicture
        view={view.id}
        held={held}
        size={size}
        label={`Live picture of ${view.feed.name}${said.masked ? ', masked' : ''}`}
        override={override}
        onSaid={hear}
        over={
          <button type="button" className="button" onClick={() => onStop(true)}>
            Put away
          </button>
        }
      />
      {!over && (
        <footer>
          {until && <Left until={until} />}
          {override && told?.expiresAt && <span className="lifted">mask back at {timeOfDay(told.expiresAt)}</span>}
          <span className="spring" />
          <button type="button" className="button quiet" onClick={() => onWant('renew')}>
            Go on…
          </button>
          {said.masked && viewer.can('request_override') && !waiting && (
            <button type="button" className="button quiet" onClick={() => onWant('override')}>
              Lift mask…
            </button>
          )}
          <button type="button" className="button quiet" onClick={() => onEnlarge(!large)}>
            {large ? 'Shrink' : 'Enlarge'}
          </button>
          <button type="button" className="button" onClick={() => onStop(false)}>
            Stop
          </button>
        </footer>
      )}
      {!over && size === 'full' && view.feed.kind === 'drone' && (
        <DroneStrip flight={view.feed.feed.replace(/^flight-/, '')} />
      )}
    </article>
  )
}
